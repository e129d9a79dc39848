"""How much guidance a turbo model has learned from its base model."""
