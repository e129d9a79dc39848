"""What is declared before a run: settings, models, studies and benchmarks."""
