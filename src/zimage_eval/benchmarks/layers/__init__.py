"""The text encoder's hidden layers, and what can be read from prompt embeddings."""
