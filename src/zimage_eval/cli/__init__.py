"""The commands that people type: their arguments, help texts and what they print."""
