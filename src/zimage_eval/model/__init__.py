"""A model's folder: limits and memory, loading, and its transformer under other settings."""
