"""How many tokens and pixels fit into the model's tables, and the noise levels of schedules."""
