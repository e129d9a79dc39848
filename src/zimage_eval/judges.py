"""Judges: which of a prompt's facts hold in a picture."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from zimage_eval.facts import FactResult, Facts
from zimage_eval.scene_checking import check_facts

Judge = Callable[[np.ndarray, Facts], Sequence[FactResult] | None]
"""(height, width, 3) uint8 picture and facts -> one result a fact; None: not judged."""


def no_judge(image: np.ndarray, facts: Facts) -> None:
    """None: nothing is known about the picture, which is not the same as nothing holds."""


JUDGES: Mapping[str, Judge] = {"scenes": check_facts, "none": no_judge}
"""By the name that models/<model>.yaml gives."""
