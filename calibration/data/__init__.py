"""What a family is trained on: its truths, its captions and scenes, its settings."""
