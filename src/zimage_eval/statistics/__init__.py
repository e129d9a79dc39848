"""Intervals, tests and linear models of plain numbers; nothing here knows models or pictures."""
