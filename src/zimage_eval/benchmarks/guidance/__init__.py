"""How much guidance a turbo has learned from its base."""
