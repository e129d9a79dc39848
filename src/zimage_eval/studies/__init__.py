"""Summaries, fronts, figures and plans of studies, made from the scores of their variants."""
