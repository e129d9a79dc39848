"""The study run on a family, and what is drawn and measured for it beforehand."""
