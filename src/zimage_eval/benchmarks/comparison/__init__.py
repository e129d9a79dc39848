"""Several models on the same prompts."""
