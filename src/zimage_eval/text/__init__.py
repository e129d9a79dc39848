"""From a prompt to its tokens to its embeddings."""
