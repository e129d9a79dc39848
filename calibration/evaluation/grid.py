"""What a family is sampled with to see whether its planted answers have consequences."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from calibration.data.model_settings import NUM_BASE_STEPS
from calibration.data.truths import Truths
from calibration.evaluation.evaluate import SamplingSettings

_ALTERNATIVES: Final[tuple[tuple[str, str, tuple[Any, ...]], ...]] = (
    ("hidden_layer", "hidden_layer", (-1, -2, -3, -4, -6)),
    ("steps", "num_inference_steps", (1, 2, 4, 8, 16, 32)),
    ("shift", "shift", (1.0, 2.0, 3.0, 4.0, 6.0)),
    ("w", "guidance_scale", (0.5, 1.0, 2.0, 3.0)),
    ("think_block", "think_block", (None, "", "time goes by")),
    ("rope_theta", "rope_theta", (64.0, 256.0, 1024.0, 10000.0)),
)
"""Names, fields and values of what the turbo is sampled with instead of its own settings."""


def evaluation_grid(
    truths: Truths, base: Path, turbo: Path
) -> dict[str, tuple[Path, SamplingSettings]]:
    """Folder and settings of each measurement, by name: the truth, and what differs in one thing.

    Args:
        truths: the family's.
        base: folder of its base.
        turbo: folder of its turbo.
    """
    guided = SamplingSettings(
        NUM_BASE_STEPS,
        truths.turbo.shift,
        truths.guidance_scale,
        truths.hidden_layer,
        think_block=truths.empty_think_block,
        rope_theta=truths.rope_theta,
    )
    grid = {
        f"base w={w}": (base, replace(guided, guidance_scale=w))
        for w in sorted({0.0, 1.0, 1.5, 3.0, truths.guidance_scale})
    }
    num = truths.turbo.num_inference_steps
    trained = replace(guided, num_inference_steps=num, guidance_scale=0.0)
    grid["turbo"] = (turbo, trained)
    for name, field, values in _ALTERNATIVES:
        for value in values:
            if value != getattr(trained, field):
                grid[f"turbo {name}={value}"] = (turbo, replace(trained, **{field: value}))
    grid["turbo no refiner"] = (turbo, replace(trained, skip_refiner=True))
    plain = replace(trained, think_block=None, chat_template=False)
    grid["turbo no chat template"] = (turbo, plain)
    for height, width in ((48, 48), (48, 64), (48, 80), (80, 80), (96, 96)):
        settings = replace(trained, height=height, width=width)
        grid[f"turbo {height}x{width}"] = (turbo, settings)
    return grid
