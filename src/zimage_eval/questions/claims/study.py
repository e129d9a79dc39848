"""A claim about the scores of a study: rivals against a baseline, by a rule."""

from collections.abc import Iterator, Sequence
from typing import Self

from pydantic import model_validator

from zimage_eval.config.frozen import unknown
from zimage_eval.config.metrics import METRICS
from zimage_eval.config.params import Phase
from zimage_eval.output.tables import TableRow
from zimage_eval.questions.claims.claim import RATIO_DECIMALS, Claim, RivalTable, ScoreColumn
from zimage_eval.questions.claims.rivals import (
    Inside,
    Rivals,
    RuleName,
    check_inside,
    list_rivals,
    missing_rivals,
)
from zimage_eval.questions.contrasts import (
    SENSITIVE,
    Assay,
    Margin,
    check_assay,
    margin_of_gains,
    paired_contrast,
)
from zimage_eval.questions.evidence import Evidence, not_testable
from zimage_eval.questions.known import Known
from zimage_eval.questions.measurements import Measurements
from zimage_eval.questions.rules.catalogue import RULES
from zimage_eval.questions.rules.comparison import Comparison
from zimage_eval.questions.terms import MarginValue, MetricName, Name, SharedTerms
from zimage_eval.studies.summaries import ALL


class StudyClaim(Claim):
    """A claim about the scores of a study."""

    rule: RuleName
    study: Name
    metric: MetricName
    phase: Phase
    rivals: Rivals
    baseline: Name | None = None
    """The variant that rivals are compared with; the study's own baseline if left out."""
    category: Name | None = None
    """Of prompts; all of them if left out."""
    margin: MarginValue | None = None
    """The metric's own if left out."""
    inside: Inside = ()

    @model_validator(mode="after")
    def _fits_its_rule(self) -> Self:
        check_inside(self.rule, self.inside)
        if self.margin is None and METRICS[self.metric].margin is None:
            raise ValueError(f"{self.metric}: has no margin, so a claim on it must state one")
        return self

    @property
    def source(self) -> str:
        return self.study

    @property
    def scores(self) -> ScoreColumn:
        return ScoreColumn(self.study, self.phase, self.metric)

    @property
    def declared_margin(self) -> float:
        """The claim's own margin, or that of its metric; of ratios a share."""
        margin = self.margin or METRICS[self.metric].margin
        assert margin is not None, self.metric
        return margin

    def weigh(self, measured: Measurements) -> Evidence:
        if self.study not in measured.studies:
            return not_testable(f"study {self.study} is not part of this run")
        scores, terms = measured.studies[self.study], measured.terms
        rows = [row for row in scores.rows if row["phase"] == self.phase]
        variants = list(dict.fromkeys(row["variant"] for row in rows))
        baseline = self.baseline or scores.baseline
        candidates = [name for name in variants if name not in (baseline, terms.assay.variant)]
        rivals = list_rivals(self.rivals, candidates)
        if missing := missing_rivals(rivals, candidates):
            return not_testable(missing)
        if baseline not in variants:
            return not_testable(f"there is no variant named {baseline!r}")
        category = self.category or ALL
        if not any(category in (ALL, row["category"]) for row in rows):
            return not_testable(f"no prompt is of category {category!r}")
        margin = margin_of_gains(self.metric, self.declared_margin)
        comparison = Comparison(
            baseline=baseline,
            terms=Margin(margin=margin, min_coverage=terms.min_coverage),
            assay=self._assay(rows, scores.baseline, terms),
            contrasts=[
                paired_contrast(rows, rival, baseline, self.metric, self.phase, category)
                for rival in rivals
            ],
            categories={row["prompt_id"]: row["category"] for row in rows},
            costs=scores.forwards(self.phase),
            inside=self.inside,
        )
        return RULES[self.rule].weigh(comparison)

    def _assay(self, rows: Sequence[TableRow], baseline: str, terms: SharedTerms) -> Assay:
        """Whether the judge of the study's baseline notices swapped prompts, in all categories.

        What no judge decides, such as the sharpness, is not held up by a judge.
        """
        if not METRICS[self.metric].is_judged:
            return SENSITIVE
        rule = terms.assay
        swapped = paired_contrast(rows, rule.variant, baseline, rule.metric, self.phase)
        return check_assay(swapped, Margin(margin=rule.margin, min_coverage=terms.min_coverage))

    def describe(self) -> str:
        where = f" of category {self.category}" if self.category else ""
        against = f", against `{self.baseline}`" if self.baseline else ""
        return (
            f"`{self.rule}` over {self.metric} of the {self.phase} prompts{where} of study "
            f"`{self.study}`{against}, margin {show_margin(self.metric, self.declared_margin)}"
        )

    def rival_table(self) -> RivalTable:
        is_ratio = METRICS[self.metric].contrast == "log"
        decimals = RATIO_DECIMALS if is_ratio else METRICS[self.metric].decimals + 1
        return RivalTable(self.metric, decimals, is_ratio=is_ratio)

    def problems(self, known: Known) -> Iterator[str]:
        if self.study not in known.variants:
            yield f"study: no study is {unknown(self.study, known.variants)}"
            return
        names = sorted(known.variants[self.study])
        rivals = () if self.rivals == "all" else self.rivals
        named = [("baseline", self.baseline), *(("rivals", rival) for rival in rivals)]
        for key, name in [*named, *(("inside", level) for level in self.inside)]:
            if name is not None and name not in names:
                yield f"{key}: no variant of {self.study} is {unknown(name, names)}"
        if self.category is not None and self.category not in known.categories:
            yield f"category: none is {unknown(self.category, sorted(known.categories))}"


def show_margin(metric: str, margin: float) -> str:
    """In the metric's unit, or as a share of a ratio."""
    return f"{margin:.0%}" if METRICS[metric].contrast == "log" else f"{margin:g}"
