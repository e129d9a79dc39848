"""What a rule is and what it reads: contrasts of rivals with one baseline, and what was declared.

A rule turns tests of the rivals' gains into a ladder of words, and says which of the words answer
the claim with yes and which with no.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from zimage_eval.questions.contrasts import Assay, Contrast, Margin, find
from zimage_eval.questions.evidence import Evidence, GradedRung, RivalResult, inconclusive
from zimage_eval.statistics.estimates import MIN_PROMPTS
from zimage_eval.statistics.power import MAX_PROMPTS, plan_words
from zimage_eval.statistics.studentized import MeanTest
from zimage_eval.statistics.words import Rung

SHARES = (-1.0, 1.0)
"""Bounds of differences of shares of facts."""
Tests = Mapping[str, MeanTest]
"""Of the mean gain, by rival."""


class Comparison(NamedTuple):
    """Everything that a rule may read."""

    contrasts: Sequence[Contrast]
    """One a rival, in the order of the claim."""
    baseline: str
    """Name of what the rivals are compared with."""
    terms: Margin
    assay: Assay
    """Of the study; `contrasts.SENSITIVE` where no judge decided."""
    categories: Mapping[str, str]
    """Of each prompt or unit."""
    costs: Mapping[str, float] = {}
    """Forwards an image of the baseline and the rivals; those not named cost what all cost."""
    inside: Collection[str] = ()
    """Levels of the range that a claim names."""

    @property
    def margin(self) -> float:
        """In the unit of the gains."""
        return self.terms.margin

    def mean_tests(self) -> tuple[Tests, str]:
        """Tests of the mean by rival, and why others have none, in words."""
        tests = {contrast.variant: contrast.mean_test(self.terms) for contrast in self.contrasts}
        problems: dict[str, list[str]] = {}
        for contrast in self.contrasts:
            if tests[contrast.variant] is None:
                problems.setdefault(contrast.problem(self.terms), []).append(contrast.variant)
        missing = [f"{', '.join(names)}: {problem}" for problem, names in problems.items()]
        return {name: test for name, test in tests.items() if test}, "; ".join(missing)

    def gains_of_levels(self, measured: Collection[str]) -> dict[str, dict[str, float]]:
        """Level -> prompt -> gain on the prompts that all have, the baseline (0) first."""
        gains = {c.variant: c.gains_by_prompt for c in self.contrasts if c.variant in measured}
        shared = sorted(set.intersection(*(set(by_prompt) for by_prompt in gains.values())))
        levels = {self.baseline: dict.fromkeys(shared, 0.0)}
        for name, by_prompt in gains.items():
            levels[name] = {prompt: by_prompt[prompt] for prompt in shared}
        return levels

    def rival_results(self) -> tuple[RivalResult, ...]:
        """What each contrast shows."""
        return tuple(map(self._result, self.contrasts))

    def _result(self, contrast: Contrast) -> RivalResult:
        finding = find(contrast, self.terms, self.assay)
        cost, baseline = (self.costs.get(name) for name in (contrast.variant, self.baseline))
        return RivalResult(
            variant=contrast.variant,
            word=finding.word,
            gain=finding.gain,
            low=finding.low,
            high=finding.high,
            saves=None if cost is None or baseline is None else baseline - cost,
        )


class Ladder(NamedTuple):
    """What a rule makes of the tests."""

    rungs: Sequence[Rung]
    """Words, strongest first."""
    closest: str = ""
    """The rival whose number decides, unless `number_of` names another for a word."""
    number_of: Mapping[str, str] = {}
    """Word -> rival; empty where no single rival's number decides."""
    leaves_open: Mapping[str, float] = {}
    """Rival or level -> the level below which it leaves the question open."""
    sets: Mapping[str, tuple[str, ...]] = {}
    """Kind of prompts -> levels that may be the best."""
    is_by_kind: bool = False
    """Whether each kind of prompts is tested alone, which takes several times the prompts."""


def as_it_is(comparison: Comparison) -> Comparison:
    """The same comparison."""
    return comparison


class Rule(NamedTuple):
    """A way to decide a claim; a file in this folder and an entry of `catalogue.RULES`."""

    hypothesis: str
    """What is claimed of baseline and rivals, as the end of a sentence."""
    yes: Collection[str]
    """Words that bear the claim out; words that are neither yes nor no leave it open."""
    no: Collection[str]
    climb: Callable[[Comparison, Tests], Ladder | str]
    """The ladder, or why nothing can be decided."""
    need_all: Collection[str] = ()
    """Words that can't be said while a rival was not measured."""
    needs_direction: bool = True
    """Whether gains must be gains, of a metric that has a better end."""
    prepare: Callable[[Comparison], Comparison] = as_it_is
    """Makes the contrasts that are weighed of those that the claim names."""

    def weigh(self, comparison: Comparison) -> Evidence:
        """Evidence on a claim by this rule.

        Raises:
            ValueError: neither end of the metric is better, where the rule needs one.
        """
        comparison = self.prepare(comparison)
        for contrast in comparison.contrasts:
            if self.needs_direction and contrast.better is None:
                raise ValueError(f"{contrast.metric}: neither end is better, so no variant is best")
        tests, missing = comparison.mean_tests()
        if not comparison.assay.is_sensitive or not tests:
            reason = comparison.assay.reason or missing or "no rival"
            return self._open(comparison, reason)
        ladder = self.climb(comparison, tests)
        if isinstance(ladder, str):
            return self._open(comparison, ladder)
        barred = self.need_all if missing else ()
        rungs = [self._rung(rung, ladder) for rung in ladder.rungs if self._is_said(rung, barred)]
        by_weight = sorted(ladder.leaves_open.items(), key=lambda arm: -arm[1])
        return Evidence(
            status="weighed",
            rungs=tuple(rungs),
            reason=missing,
            num_prompts=min(test.num_prompts for test in tests.values()),
            baseline=comparison.baseline,
            margin=comparison.margin,
            rivals=comparison.rival_results(),
            sets=tuple(ladder.sets.items()),
            leaves_open=tuple(by_weight) if len(tests) > 1 else (),
            closest=ladder.closest,
            num_needed=_num_needed(comparison, tests, ladder),
        )

    def _is_said(self, rung: Rung, barred: Collection[str]) -> bool:
        return rung.word in (*self.yes, *self.no) and rung.word not in barred

    def _rung(self, rung: Rung, ladder: Ladder) -> GradedRung:
        return GradedRung(
            word=rung.word,
            says="yes" if rung.word in self.yes else "no",
            p_value=min(1.0, rung.p_value),
            is_full=rung.is_full,
            named=tuple((name, min(1.0, level)) for name, level in rung.named),
            number_of=ladder.number_of.get(rung.word, ladder.closest),
        )

    def _open(self, comparison: Comparison, reason: str) -> Evidence:
        """Nothing can be said; what was seen of the rivals is kept."""
        contrasts = comparison.contrasts
        num_prompts = min((len(contrast.differences) for contrast in contrasts), default=0)
        needed = max((contrast.min_prompts for contrast in contrasts), default=MIN_PROMPTS)
        return inconclusive(reason, num_prompts)._replace(
            baseline=comparison.baseline,
            margin=comparison.margin,
            rivals=comparison.rival_results(),
            closest=contrasts[0].variant if len(contrasts) == 1 else "",
            num_needed=needed if needed > MIN_PROMPTS else None,
        )


def renamed(rungs: Sequence[Rung], names: Mapping[str, str]) -> list[Rung]:
    """The same rungs under other words."""
    return [rung._replace(word=names.get(rung.word, rung.word)) for rung in rungs]


def _num_needed(comparison: Comparison, tests: Tests, ladder: Ladder) -> int | None:
    """By the widest spread of the rivals; None where no study could be large enough."""
    contrasts = [c for c in comparison.contrasts if c.variant in tests]
    spread = max(float(np.std(contrast.gains, ddof=1)) for contrast in contrasts)
    plan = plan_words(spread, comparison.margin, is_judged=contrasts[0].bounds == SHARES)
    needed = plan.best_by_kind_no if ladder.is_by_kind else max(plan.yes, plan.no_difference)
    if needed > MAX_PROMPTS:
        return None
    return max([needed, *(contrast.min_prompts for contrast in contrasts)])
