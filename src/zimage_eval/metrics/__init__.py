"""Metrics: from the pictures of a study to a table with one row for each image."""
