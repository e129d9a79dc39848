"""Outcomes of a grid of concepts that hold as often as a test says."""

from itertools import product

import numpy as np

from zimage_eval.benchmarks.concepts.gaps import ConceptPair

NAMES = tuple("abcdefgh")
COLORS = tuple("rstuvwxyz")


def grid(
    shares: dict[str, float], num_images: int, seed: int, missing: tuple[ConceptPair, ...] = ()
) -> dict[ConceptPair, list[bool]]:
    """Cells that hold as often as their name says, whatever the color; missing ones never."""
    rng = np.random.default_rng(seed)
    held = {}
    for name, color in product(NAMES, COLORS):
        share = 0.0 if (name, color) in missing else shares.get(name, 0.95)
        held[name, color] = list(rng.random(num_images) < share)
    return held
