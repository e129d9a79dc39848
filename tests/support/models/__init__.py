"""Tiny models of every kind, with random weights."""
