"""The learning-rate schedule of the smaller trainings."""

import math
from collections.abc import Callable


def warmup_cosine(num_steps: int) -> Callable[[int], float]:
    """Factor of the learning rate by step: up over a twentieth of the steps, then a half cosine."""
    num_warmup_steps = max(1, num_steps // 20)

    def factor(step: int) -> float:
        if step < num_warmup_steps:
            return (step + 1) / num_warmup_steps
        share = (step - num_warmup_steps) / max(1, num_steps - num_warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, share)))

    return factor
