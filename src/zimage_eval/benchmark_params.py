"""`benchmarks:` of params.yaml: what each benchmark measures, one type a benchmark."""

from typing import TypeVar

from zimage_eval.frozen import Frozen

Entry = TypeVar("Entry")


class Benchmarks(Frozen):
    """One field a benchmark, under the name of its stage: `<name>: <Type> | None = None`."""


def need(entry: Entry | None, name: str) -> Entry:
    """The entry of a benchmark; a ValueError if params.yaml leaves it out."""
    if entry is None:
        raise ValueError(f"params.yaml: benchmarks has no entry {name!r}")
    return entry
