"""Benchmarks of weights and embeddings: nothing here judges a picture."""
