"""What decided a number: who computed it, how, with which weights, of how many images.

In the spirit of sacreBLEU's signatures: two numbers may be compared if theirs agree.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import metadata
from inspect import getsourcefile
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
Signature = Mapping[str, Any]
"""implementation, version, mode and weights (name -> sha256), beside what the metric is."""
SHORT = 12
"""Hex digits of a source file's sha256 that stand for its version."""


def who_computes(compute: Callable[..., Any], library: str | None) -> dict[str, str]:
    """The library and its release, or the function here and a digest of its source file."""
    if library is not None:
        return {"implementation": library, "version": metadata.version(library)}
    function = compute.func if isinstance(compute, partial) else compute
    source = getsourcefile(function)
    assert source is not None, function  # all are functions of this package
    name = f"{function.__module__}.{function.__qualname__}"
    digest = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    return {"implementation": name, "version": digest[:SHORT]}


def with_sizes(
    signatures: Mapping[str, Signature],
    scores: Sequence[Row],
    features: Mapping[str, Sequence[Row]],
) -> dict[str, Signature]:
    """The signatures with `num_images`: by phase, the fewest and the most images of a variant.

    Variants without any are left out: a distance to the baseline has none for the baseline.

    Args:
        signatures: by metric.
        scores: rows of a score table; an image counts where it has a number.
        features: by backbone, the rows of the images whose features it has.
    """
    made = [row for row in scores if row["error"] is None]
    sizes: dict[str, Signature] = {}
    for name, signature in signatures.items():
        if "backbone" in signature:
            counted = features[signature["backbone"]]
        else:
            counted = [row for row in made if row[name] is not None]
        sizes[name] = {**signature, "num_images": _sizes(counted, scores)}
    return sizes


def _sizes(counted: Sequence[Row], asked: Sequence[Row]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for rows, step in ((asked, 0), (counted, 1)):
        for row in rows:
            variants = counts.setdefault(row["phase"], {})
            variants[row["variant"]] = variants.get(row["variant"], 0) + step
    numbers = {phase: [n for n in c.values() if n] or [0] for phase, c in counts.items()}
    return {phase: {"fewest": min(n), "most": max(n)} for phase, n in numbers.items()}
