"""Settings of a distribution: one backbone, drawn scenes as the reference."""

from typing import Any

from zimage_eval.config.measuring import Distribution

SCENES = {"source": "scenes", "num_images": 200}


def settings(reference: dict[str, Any] | None = None, *allowed: str) -> Distribution:
    return Distribution.model_validate(
        {
            "backbones": ["alexnet"],
            "reference": reference or SCENES,
            "seed": 3,
            "small_sets_allowed": allowed,
        }
    )
