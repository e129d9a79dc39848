"""Metrics of text that a prompt wants written in its picture."""
