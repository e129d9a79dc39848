"""Directions of style in the embeddings."""
