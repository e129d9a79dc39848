"""What an image costs, counted: it is the same on every machine."""


def num_forwards(evaluations: int) -> float:
    """Transformer evaluations for the image; with guidance, two a step."""
    return float(evaluations)
