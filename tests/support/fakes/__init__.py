"""Scores, reports, trials and embeddings that no model made."""
