"""Benchmarks of pictures: they draw their own, or read those of a study."""
