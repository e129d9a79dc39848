"""What a rule is and what it reads: contrasts of rivals with one baseline, and what was declared.

Where a rival may be neither better nor worse, both p-values of the evidence could go wrong, and
they are doubled: that is the 95 % interval of the findings.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from zimage_eval.questions.contrasts import Assay, Contrast, Margin, find
from zimage_eval.questions.evidence import ALPHA, Evidence, RivalResult, inconclusive
from zimage_eval.statistics.multiplicity import holm
from zimage_eval.statistics.studentized import MeanTest


class Comparison(NamedTuple):
    """Everything that a rule may read."""

    contrasts: Sequence[Contrast]
    """One a rival, in the order of the claim."""
    baseline: str
    """Name of what the rivals are compared with."""
    terms: Margin
    assay: Assay
    """Of the study; `contrasts.SENSITIVE` where no judge decided."""
    lead: float
    """How far ahead the better must be beyond doubt."""
    categories: Mapping[str, str]
    """Of each prompt or unit."""

    def mean_tests(self) -> tuple[Mapping[str, MeanTest], str]:
        """Tests of the mean by rival, and why others have none, in words."""
        tests = {contrast.variant: contrast.mean_test(self.terms) for contrast in self.contrasts}
        problems = [
            f"{contrast.variant}: {contrast.problem(self.terms)}"
            for contrast in self.contrasts
            if tests[contrast.variant] is None
        ]
        return {name: test for name, test in tests.items() if test}, "; ".join(problems)

    def rival_results(self) -> tuple[RivalResult, ...]:
        """What each contrast shows."""
        findings = [
            (contrast.variant, find(contrast, self.terms, self.assay))
            for contrast in self.contrasts
        ]
        return tuple(
            RivalResult(
                variant=variant,
                kind=finding.kind,
                gain=finding.gain,
                low=finding.low,
                high=finding.high,
            )
            for variant, finding in findings
        )

    def blocked(self, measured: Mapping[str, MeanTest], missing: str) -> Evidence | None:
        """Evidence that nothing is decided, where the judge is blind or no rival was measured."""
        if self.assay.is_sensitive and measured:
            return None
        return inconclusive(self.assay.reason or missing or "no rival")

    def need_direction(self) -> None:
        """ValueError where neither end of the metric is better, so that no variant is best."""
        for contrast in self.contrasts:
            if contrast.better is None:
                raise ValueError(f"{contrast.metric}: neither end is better, so no variant is best")


class Rule(NamedTuple):
    """A way to decide a claim; a file in this folder and an entry of `catalogue.RULES`."""

    hypothesis: str
    """What is claimed of baseline and rivals, as the end of a sentence."""
    weigh: Callable[[Comparison], Evidence]


PValue = Callable[[MeanTest], float]
"""Of one rival; may exceed 1."""


def weigh_all(comparison: Comparison, *, p_if_false: PValue, p_if_true: PValue) -> Evidence:
    """Evidence on what every rival must bear out.

    It is supported as strongly as by the weakest rival (intersection-union, Berger 1982), and
    refuted by the strongest after Holm over the rivals, which are then named.

    Args:
        comparison: with the rivals.
        p_if_false: of one rival, small where it bears the claim out.
        p_if_true: of one rival, small where it contradicts.
    """
    contrasts = comparison.contrasts
    tests, missing = comparison.mean_tests()
    if blocked := comparison.blocked(tests, missing):
        return blocked
    results = comparison.rival_results()
    against = [p_if_true(tests[c.variant]) if c.variant in tests else 1.0 for c in contrasts]
    adjusted = holm([min(1.0, p_value) for p_value in against])
    return Evidence(
        status="weighed",
        p_if_false=1.0 if missing else min(1.0, max(map(p_if_false, tests.values()))),
        p_if_true=min(adjusted),
        reason=missing,
        num_prompts=min(test.num_prompts for test in tests.values()),
        named=named_rivals(contrasts, adjusted),
        rivals=results,
    )


def weigh_any(comparison: Comparison, *, p_if_false: PValue, p_if_true: PValue) -> Evidence:
    """Evidence on what at least one rival must bear out: the reverse of `weigh_all`.

    Args:
        comparison: with the rivals.
        p_if_false: of one rival, small where it bears the claim out; those are named.
        p_if_true: of one rival, small where it contradicts.
    """
    reverse = weigh_all(comparison, p_if_false=p_if_true, p_if_true=p_if_false)
    return reverse._replace(p_if_false=reverse.p_if_true, p_if_true=reverse.p_if_false)


def named_rivals(contrasts: Sequence[Contrast], adjusted: Sequence[float]) -> tuple[str, ...]:
    """Rivals whose p-value, corrected over the rivals, is at most 5 %."""
    pairs = zip(contrasts, adjusted, strict=True)
    return tuple(contrast.variant for contrast, p_value in pairs if p_value <= ALPHA)
