"""How well a family draws, measured in batches before any study sees it."""
