"""What the contrasts of a study say for and against a claim.

Evidence is two p-values, one if the claim is false (small supports it), one if it is true (small
refutes it), each to be compared with 5 %. Where a rival may be neither better nor worse, both could
go wrong, and they are doubled: that is the 95 % interval of the findings.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, TypeAdapter

from zimage_eval.config.frozen import Frozen
from zimage_eval.output.results import read_json
from zimage_eval.questions.contrasts import Assay, Contrast, Kind, Margin, find
from zimage_eval.questions.questions import Place
from zimage_eval.statistics.argmax_sets import argmax_p_values
from zimage_eval.statistics.estimates import rounded
from zimage_eval.statistics.multiplicity import holm
from zimage_eval.statistics.studentized import MeanTest

ALPHA = 0.05


class RivalResult(NamedTuple):
    """What was seen of one rival: its gain over the baseline with the 95 % interval."""

    variant: str
    kind: Kind
    gain: float | None
    """Above 0 is better, or higher for a metric of which neither end is better."""
    low: float | None
    high: float | None


class Evidence(NamedTuple):
    """Two p-values, and what they rest on."""

    status: Literal["weighed", "exact", "inconclusive", "not_testable"]
    """Exact is what was read off by equality: nothing to correct for."""
    p_if_false: float
    """How likely data as favorable are if the claim is false: small supports it. 1 where that can't
    be tested."""
    p_if_true: float
    """How likely data as unfavorable are if the claim is true: small refutes it."""
    reason: str
    """Why it could not be weighed, or which rivals could not."""
    num_prompts: int
    """The fewest of any rival."""
    named: tuple[str, ...] = ()
    """Rivals that are better or differ, each at 5 % after Holm over the rivals; of a grid, the
    variants that may be the best."""
    rivals: tuple[RivalResult, ...] = ()
    """One a rival, in the order of the claim."""


class _StoredRival(Frozen):
    variant: str
    kind: Kind
    gain: float | None
    low: float | None
    high: float | None


class _StoredEvidence(Frozen):
    """`Evidence` as it is in a file."""

    status: Literal["weighed", "exact", "inconclusive", "not_testable"]
    p_if_false: Annotated[float, Field(ge=0, le=1)]
    p_if_true: Annotated[float, Field(ge=0, le=1)]
    reason: str
    num_prompts: Annotated[int, Field(ge=0)]
    named: list[str]
    rivals: list[_StoredRival]


def not_testable(why: str) -> Evidence:
    """Evidence for a claim that nothing here can decide."""
    return _undecided("not_testable", why, num_prompts=0)


def inconclusive(why: str, num_prompts: int = 0) -> Evidence:
    """Evidence for a claim whose data decide nothing, measured on that many prompts."""
    return _undecided("inconclusive", why, num_prompts)


def _undecided(
    status: Literal["inconclusive", "not_testable"], why: str, num_prompts: int
) -> Evidence:
    return Evidence(status, p_if_false=1.0, p_if_true=1.0, reason=why, num_prompts=num_prompts)


FROZEN_WEIGHTS = not_testable("a sweep over frozen weights can't say: needs a training ablation")
"""The verdict on a design where no training was varied."""


def baseline_best(
    contrasts: Sequence[Contrast], terms: Margin, assay: Assay, lead: float
) -> Evidence:
    """Whether the baseline beats every rival by more than `lead`, or a rival beats it.

    Supported by the weakest of its leads (intersection-union, Berger 1982), refuted by the
    strongest rival after Holm over the rivals.
    """
    _need_direction(contrasts)
    return _weigh(
        contrasts,
        terms,
        assay,
        p_for=lambda test: 2 * test.p_below(-lead),
        p_against=lambda test: 2 * test.p_above(lead),
    )


def no_difference(contrasts: Sequence[Contrast], terms: Margin, assay: Assay) -> Evidence:
    """Whether every rival is equivalent to the baseline, or one is not.

    Equivalent: both one-sided tests, so the 90 % interval is inside the margin. A rival is inside
    it or outside: only one of the two p-values can go wrong, and the first is not doubled.
    """
    margin = terms.margin
    return _weigh(
        contrasts,
        terms,
        assay,
        p_for=lambda test: max(test.p_above(-margin), test.p_below(margin)),
        p_against=lambda test: 2 * min(test.p_above(margin), test.p_below(-margin)),
    )


def some_better(
    contrasts: Sequence[Contrast], terms: Margin, assay: Assay, lead: float
) -> Evidence:
    """Whether a rival beats the baseline by more than `lead`, or none does by the margin."""
    _need_direction(contrasts)
    return _weigh(
        contrasts,
        terms,
        assay,
        p_for=lambda test: 2 * test.p_above(lead),
        p_against=lambda test: 2 * test.p_below(terms.margin),
        needs="any",
    )


def shifted(
    contrasts: Sequence[Contrast],
    terms: Margin,
    assay: Assay,
    direction: Literal["higher", "lower"],
) -> Evidence:
    """Whether every rival's metric is higher (lower) than the baseline's, or one's is not.

    Whatever the better end: the differences are read as they are.
    """
    raw = [contrast._replace(better=None) for contrast in contrasts]
    above, below = (lambda test: 2 * test.p_above(0.0)), (lambda test: 2 * test.p_below(0.0))
    p_for, p_against = (above, below) if direction == "higher" else (below, above)
    return _weigh(raw, terms, assay, p_for=p_for, p_against=p_against)


def interaction(contrast: Contrast, terms: Margin, assay: Assay) -> Evidence:
    """Whether two changes together do other than the sum of each, or the same within the margin.

    Args:
        contrast: of both together, less those of each alone.
        terms: what is declared of it.
        assay: of the study.
    """
    margin = terms.margin
    return _weigh(
        [contrast],
        terms,
        assay,
        p_for=lambda test: 2 * min(test.p_above(0.0), test.p_below(0.0)),
        p_against=lambda test: 2 * max(test.p_above(-margin), test.p_below(margin)),
    )


def best_of_grid(
    contrasts: Sequence[Contrast], baseline: str, terms: Margin, assay: Assay
) -> Evidence:
    """Whether the baseline alone may be the best of a grid, or is none of those that may be.

    From the confidence set of the argmax over the prompts that every measured variant has.
    """
    _need_direction(contrasts)
    tests, missing = _mean_tests(contrasts, terms)
    measured = [contrast for contrast in contrasts if contrast.variant in tests]
    blocked = _blocked(measured, missing, assay)
    if blocked:
        return blocked
    shared = sorted(set.intersection(*(set(contrast.differences) for contrast in measured)))
    gains = {contrast.variant: _gains_on(contrast, shared) for contrast in measured}
    p_values = argmax_p_values({baseline: [0.0] * len(shared), **gains}, measured[0].bounds)
    if p_values is None:
        reason = "too few prompts are scored in all variants, or they agree too exactly"
        return inconclusive(reason, len(shared))
    p_others = max(p for variant, p in p_values.items() if variant != baseline)
    return Evidence(
        status="weighed",
        p_if_false=1.0 if missing else min(1.0, 2 * p_others),
        p_if_true=min(1.0, 2 * p_values[baseline]),
        reason=missing,
        num_prompts=len(shared),
        named=tuple(variant for variant, p in p_values.items() if p > ALPHA),
        rivals=rival_results(contrasts, terms, assay),
    )


def rival_results(
    contrasts: Sequence[Contrast], terms: Margin, assay: Assay
) -> tuple[RivalResult, ...]:
    """What each contrast shows, in their order."""
    findings = [(contrast.variant, find(contrast, terms, assay)) for contrast in contrasts]
    return tuple(
        RivalResult(variant, kind=f.kind, gain=f.gain, low=f.low, high=f.high)
        for variant, f in findings
    )


def write_evidence(path: Path, evidence: Mapping[Place, Evidence]) -> None:
    """Evidence by page and part, numbers to six digits: equal evidence gives equal bytes."""
    pages: dict[str, dict[str, Any]] = {}
    for place, weighed in evidence.items():
        rivals = [
            rival._asdict() | {key: rounded(getattr(rival, key)) for key in ("gain", "low", "high")}
            for rival in weighed.rivals
        ]
        p_values = {key: rounded(getattr(weighed, key)) for key in ("p_if_false", "p_if_true")}
        pages.setdefault(place.page, {})[place.part] = (
            weighed._asdict() | p_values | {"rivals": rivals}
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(pages, indent=1, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_full_evidence(folder: Path, model: str) -> dict[Place, Evidence]:
    """Evidence from a study of full size of that model; empty where none was run."""
    path = folder / f"{model}.json"
    return read_evidence(path) if path.is_file() else {}


def read_evidence(path: Path) -> dict[Place, Evidence]:
    """What `write_evidence` wrote; a ValueError with the file's name if it did not."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file; `dvc repro weigh_claims` writes it")
    pages = read_json(path, TypeAdapter(dict[str, dict[str, _StoredEvidence]]))
    return {
        Place(page, part): Evidence(
            status=stored.status,
            p_if_false=stored.p_if_false,
            p_if_true=stored.p_if_true,
            reason=stored.reason,
            num_prompts=stored.num_prompts,
            named=tuple(stored.named),
            rivals=tuple(RivalResult(**rival.model_dump()) for rival in stored.rivals),
        )
        for page, parts in pages.items()
        for part, stored in parts.items()
    }


def _weigh(
    contrasts: Sequence[Contrast],
    terms: Margin,
    assay: Assay,
    p_for: Callable[[MeanTest], float],
    p_against: Callable[[MeanTest], float],
    needs: Literal["all", "any"] = "all",
) -> Evidence:
    """Evidence for a claim that all rivals must bear out, or any: the other side is the reverse.

    What all must show is as strong as the weakest (intersection-union); what any may show is
    corrected over the rivals, and they are named.
    """
    if needs == "any":
        reverse = _weigh(contrasts, terms, assay, p_for=p_against, p_against=p_for)
        return reverse._replace(p_if_false=reverse.p_if_true, p_if_true=reverse.p_if_false)
    tests, missing = _mean_tests(contrasts, terms)
    blocked = _blocked(list(tests), missing, assay)
    if blocked:
        return blocked
    against = [p_against(tests[c.variant]) if c.variant in tests else 1.0 for c in contrasts]
    adjusted = holm([min(1.0, p) for p in against])
    return Evidence(
        status="weighed",
        p_if_false=1.0 if missing else min(1.0, max(p_for(test) for test in tests.values())),
        p_if_true=min(adjusted),
        reason=missing,
        num_prompts=min(test.num_prompts for test in tests.values()),
        named=tuple(c.variant for c, p in zip(contrasts, adjusted, strict=True) if p <= ALPHA),
        rivals=rival_results(contrasts, terms, assay),
    )


def _mean_tests(contrasts: Sequence[Contrast], terms: Margin) -> tuple[Mapping[str, MeanTest], str]:
    """By variant, and why others have none."""
    tests = {contrast.variant: contrast.mean_test(terms) for contrast in contrasts}
    problems = [f"{c.variant}: {c.problem(terms)}" for c in contrasts if tests[c.variant] is None]
    return {name: test for name, test in tests.items() if test}, "; ".join(problems)


def _blocked(measured: Sequence[object], missing: str, assay: Assay) -> Evidence | None:
    if assay.is_sensitive and measured:
        return None
    return inconclusive(assay.reason or missing or "no rival")


def _need_direction(contrasts: Sequence[Contrast]) -> None:
    for contrast in contrasts:
        if contrast.better is None:
            raise ValueError(f"{contrast.metric}: neither end is better, so no variant is best")


def _gains_on(contrast: Contrast, prompts: Sequence[str]) -> list[float]:
    gains = dict(zip(sorted(contrast.differences), contrast.gains, strict=True))
    return [gains[prompt] for prompt in prompts]
