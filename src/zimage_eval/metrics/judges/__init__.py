"""Judges: which facts hold in a picture, and how often a judge agrees with people."""
