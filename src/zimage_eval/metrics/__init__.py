"""From pictures to numbers, one row an image."""
