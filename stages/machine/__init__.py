"""Benchmarks of the machine: speed and memory."""
