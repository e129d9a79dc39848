"""What a question claims, written down before the run, and the evidence on it in a score table."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from zimage_eval.contrasts import Contrast, Row, Terms, check_assay, paired_contrast
from zimage_eval.evidence import Evidence, baseline_best, best_of_grid, no_difference
from zimage_eval.frozen import Frozen, unknown
from zimage_eval.metrics import METRICS
from zimage_eval.params import Phase

Rule = Literal["baseline_best", "no_difference", "best_of_grid"]


def _known_metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"unknown metric {unknown(name, METRICS)}")
    return name


Metric = Annotated[str, AfterValidator(_known_metric)]
Margin = Annotated[float, Field(gt=0)]
"""In the metric's unit: a smaller difference does not matter."""


class AssayRule(Frozen):
    """Which loss shows that the study's judge sees anything."""

    variant: str
    """Name of the arm that holds the baseline's images, judged by other prompts' texts."""
    metric: Metric
    margin: Margin


class Claim(Frozen):
    """The claim of a question, written down before the run."""

    rule: Rule
    study: str
    metric: Metric
    phase: Phase
    rivals: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    """Names of the variants that the baseline is compared with."""
    margin: Margin
    lead: Annotated[float, Field(ge=0)]
    """How far ahead the best must be beyond doubt; 0 if any lead will do."""
    min_coverage: Annotated[float, Field(gt=0, le=1)]
    """Share of the (prompt, seed) pairs that must have a score."""
    assay: AssayRule
    rule_changed: date
    """When any of the above last changed."""

    @property
    def terms(self) -> Terms:
        """What is declared of each contrast."""
        return Terms(self.margin, self.min_coverage)


def weigh_claim(claim: Claim, rows: Sequence[Row], baseline: str) -> Evidence:
    """The evidence on a claim in the rows of its study's score table.

    Raises:
        ValueError: the table has no rows of the baseline, or the metric does not fit the rule.
    """

    def against_baseline(variant: str, metric: str) -> Contrast:
        return paired_contrast(rows, variant, baseline, metric, claim.phase)

    swapped = against_baseline(claim.assay.variant, claim.assay.metric)
    assay = check_assay(swapped, Terms(claim.assay.margin, claim.min_coverage))
    contrasts = [against_baseline(rival, claim.metric) for rival in claim.rivals]
    if claim.rule == "no_difference":
        return no_difference(contrasts, claim.terms, assay)
    if claim.rule == "baseline_best":
        return baseline_best(contrasts, claim.terms, assay, claim.lead)
    return best_of_grid(contrasts, baseline, claim.terms, assay)
