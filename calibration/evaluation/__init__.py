"""How well a family's own pictures show their prompts, measured before any study sees it."""
