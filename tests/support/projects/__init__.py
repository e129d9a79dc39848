"""Working directories, parameters and settings, made up for tests."""
