"""`benchmarks:` of params.yaml: what each benchmark measures, one type a benchmark."""

from typing import TypeVar

from zimage_eval.exact_params import (
    ConditioningParams,
    EmbeddingCacheParams,
    PaddingParams,
    SchedulesParams,
    TokenLimitParams,
)
from zimage_eval.frozen import Frozen

Entry = TypeVar("Entry")


class Benchmarks(Frozen):
    """One field a benchmark, under the name of its stage: `<name>: <Type> | None = None`."""

    conditioning: ConditioningParams | None = None
    embedding_cache: EmbeddingCacheParams | None = None
    padding: PaddingParams | None = None
    schedules: SchedulesParams | None = None
    token_limit: TokenLimitParams | None = None


def need(entry: Entry | None, name: str) -> Entry:
    """The entry of a benchmark; a ValueError if params.yaml leaves it out."""
    if entry is None:
        raise ValueError(f"params.yaml: benchmarks has no entry {name!r}")
    return entry
