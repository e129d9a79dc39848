"""From prompt embeddings to pictures."""
