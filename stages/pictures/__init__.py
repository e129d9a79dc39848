"""Benchmarks of pictures: they draw pictures, or read those of a study, and judge them."""
