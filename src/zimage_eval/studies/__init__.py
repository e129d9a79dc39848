"""From scores of variants to summaries, figures and plans."""
