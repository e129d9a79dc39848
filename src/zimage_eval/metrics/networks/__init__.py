"""Networks that metrics run on pictures, and the files of their weights."""
