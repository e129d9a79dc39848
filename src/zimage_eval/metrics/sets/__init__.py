"""Numbers of sets of pictures: distances, precision and recall, diversity."""
