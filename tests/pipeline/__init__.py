"""The graph: what dvc.yaml says, and a whole run of it."""
