"""Which concepts and pairs of them a model never draws."""
