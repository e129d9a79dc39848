"""Claims of the questions, the evidence for each, and the verdicts."""
