"""Rules, one a file: what contrasts of rivals with one baseline say for and against a claim."""
