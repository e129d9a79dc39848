"""Which prompts fail, whether failures can be predicted, and what helps."""
