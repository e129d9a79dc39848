"""The ways in which the baseline is drawn again."""

from typing import NamedTuple

from zimage_eval.config.benchmarks import NoiseScales
from zimage_eval.config.model_spec import DtypeSettings, ModelSpec

BASELINE, FLOOR, CEILING = "baseline", "another batch size", "another seed"


class NoiseArm(NamedTuple):
    """One way to draw the baseline."""

    name: str
    batch_size: int
    dtype: DtypeSettings
    has_other_seed: bool


def noise_arms(entry: NoiseScales, spec: ModelSpec) -> list[NoiseArm]:
    """The ways to draw: the baseline, the floor, another number format, the ceiling.

    The arm of the number format is left out where that is the model's own.

    Raises:
        ValueError: the floor's batch size is the model's own.
    """
    if entry.batch_size == spec.batch_size:
        raise ValueError(
            f"benchmarks.noise_scales.batch_size: {entry.batch_size} is the model's own, "
            "which has no distance to itself"
        )
    dtype = spec.dtype.model_copy(update={"transformer": entry.dtype, "vae": entry.dtype})
    formats = [] if dtype == spec.dtype else [NoiseArm(entry.dtype, spec.batch_size, dtype, False)]
    return [
        NoiseArm(BASELINE, spec.batch_size, spec.dtype, False),
        NoiseArm(FLOOR, entry.batch_size, spec.dtype, False),
        *formats,
        NoiseArm(CEILING, spec.batch_size, spec.dtype, True),
    ]
