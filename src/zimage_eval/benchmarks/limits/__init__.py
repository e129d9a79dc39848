"""How many tokens and pixels fit, and the noise levels of every schedule."""
