"""Ablations of Z-Image text-to-image models: from prompts to numbers with intervals."""
