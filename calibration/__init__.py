"""How nano, the calibrated tiny Z-Image, is made: tokenizer, training and planted answers."""
