"""questions/terms.yaml: what holds for every claim; and the words that claims are declared in."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from zimage_eval.config.frozen import Frozen, parse, read_yaml, unknown
from zimage_eval.config.metrics import METRICS

TERMS_FILE = "terms.yaml"
CORRECTIONS_FILE = "corrections.yaml"
"""The two files of the folder questions/ that are no questions."""

Name = Annotated[str, StringConstraints(min_length=1)]


def _known_metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"unknown metric {unknown(name, METRICS)}")
    return name


MetricName = Annotated[str, AfterValidator(_known_metric)]
"""Of a picture: one of `METRICS`."""
MarginValue = Annotated[float, Field(gt=0)]
"""In the metric's unit: a smaller difference does not matter."""


class AssayRule(Frozen):
    """Which loss shows that a study's judge sees anything."""

    variant: str
    """Name of the arm that holds the baseline's images, judged by other prompts' texts."""
    metric: MetricName
    margin: MarginValue


class SharedTerms(Frozen):
    """questions/terms.yaml."""

    min_coverage: Annotated[float, Field(gt=0, le=1)]
    """Share of the (prompt, seed) pairs that must have a score."""
    assay: AssayRule


def load_terms(folder: Path) -> SharedTerms:
    """What holds for every claim; a ValueError names the file and the key."""
    path = folder / TERMS_FILE
    return parse(read_yaml(path), SharedTerms, str(path))
