"""Benchmarks: what is measured beside the studies, one folder per benchmark."""
