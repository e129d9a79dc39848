"""Rules: which words contrasts of rivals with one baseline earn, and what those answer."""
