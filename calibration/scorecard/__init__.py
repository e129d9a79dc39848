"""What the study found, held to what was planted."""
