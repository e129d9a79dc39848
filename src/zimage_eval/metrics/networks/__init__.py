"""Networks that look at pictures, and the files of their weights."""
