"""Metrics of whole sets of pictures: distances, precision and recall, diversity."""
