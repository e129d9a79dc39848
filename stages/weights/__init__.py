"""Benchmarks of weights and embeddings, in which no picture is judged."""
