"""Which pairs of concepts a model never draws, and what it draws where a prompt is silent."""
