"""Kinds of claims, one a file: each reads itself from YAML, weighs and describes itself."""
