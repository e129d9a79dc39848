"""What a question may refer to: benchmarks, variants of studies, categories and figures."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from zimage_eval.config.benchmarks import Benchmarks
from zimage_eval.config.frozen import unknown

BENCHMARKS = (*Benchmarks.model_fields, "template_worth", "comparison", "ablations")
"""What claims beside those about studies can be weighed on."""
MACHINE_BENCHMARKS = (*Benchmarks.model_fields, "kernels")
"""What is measured on another machine, whose name stands before theirs (h100_kernels)."""


class Known(NamedTuple):
    """What a question may refer to."""

    variants: Mapping[str, Collection[str]]
    """Names by study."""
    categories: Collection[str]
    """Of the model's prompts."""
    figures: Collection[str]
    """Paths under reports/figures/."""


def benchmark_problems(name: str) -> Iterator[str]:
    """A line if it is none of the graph, of the ablations, or of another machine (h100_profile)."""
    if name not in BENCHMARKS and name.partition("_")[2] not in MACHINE_BENCHMARKS:
        yield f"benchmark: none is {unknown(name, BENCHMARKS)}"
