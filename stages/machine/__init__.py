"""Benchmarks of the machine: seconds and bytes."""
