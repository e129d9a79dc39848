"""Which prompts fail, whether that can be predicted, and what helps."""
