"""Directions of style in the prompt embeddings."""
