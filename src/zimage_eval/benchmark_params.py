"""`benchmarks:` of params.yaml: what each benchmark measures, one type a benchmark."""

from typing import Annotated, TypeVar

from pydantic import Field

from zimage_eval.frozen import Frozen
from zimage_eval.model_spec import Dtype
from zimage_eval.setting_groups import Count

Entry = TypeVar("Entry")


class NoiseScales(Frozen):
    """Floor and ceiling of distances between pictures, and where every variant lies."""

    batch_size: Count
    """Images denoised together for the floor; another number than the model's."""
    dtype: Dtype
    """Number format of transformer and autoencoder of a further arm, placed like a variant."""
    margin: Annotated[float, Field(gt=0, lt=0.5)]
    """Share of the scale from floor to ceiling that counts as being at one of its ends."""
    min_coverage: Annotated[float, Field(gt=0, le=1)]
    """Share of the prompts that must have all three distances."""


class Benchmarks(Frozen):
    """One field a benchmark, under the name of its stage: `<name>: <Type> | None = None`."""

    noise_scales: NoiseScales | None = None


def need(entry: Entry | None, name: str) -> Entry:
    """The entry of a benchmark; a ValueError if params.yaml leaves it out."""
    if entry is None:
        raise ValueError(f"params.yaml: benchmarks has no entry {name!r}")
    return entry
