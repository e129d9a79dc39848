"""A/A: reports of real scores without any effect, from score table to verdict."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

from tests.support.fakes.fake_reports import PROVENANCE, at_most, graded
from tests.support.fakes.pseudo_studies import (
    BASELINE,
    CLAIMS,
    FLIPS,
    JUDGED,
    OTHER_SIDE,
    RIVALS,
    Bank,
    Row,
    claim_of,
    decide,
    draw_rows,
    is_false,
    read_bank,
    weigh,
)
from zimage_eval.config.params import PHASES
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.questions import contrasts
from zimage_eval.questions.evidence import Evidence
from zimage_eval.questions.rules import best_by_kind, grids
from zimage_eval.questions.verdicts import decide_sub_questions
from zimage_eval.statistics.studentized import mean_test


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bootstraps of 1,999 draws, whose smallest p-value still passes Holm over seventeen pages."""
    for rules, names in (
        (grids, ["argmax_p_values"]),
        (best_by_kind, ["argmax_p_values", "best_by_kind", "kinds_that_gain"]),
    ):
        for name in names:
            few = partial(getattr(rules, name), num_draws=1_999)
            monkeypatch.setattr(rules, name, few)
    monkeypatch.setattr(contrasts, "mean_test", partial(mean_test, num_resamples=1_999))


@pytest.fixture(scope="module")
def bank() -> Bank:
    return read_bank()


class Counts(NamedTuple):
    """What came of many null reports."""

    false: int
    """Reports with a false headline."""
    false_shares: list[float]
    """Of each report, were its claims sub-questions: the false share of the full words."""
    by_page: list[int]
    """False words of each page, were it read at 5 % on its own."""
    uncorrected: int
    """Reports with one of those."""
    blocked: int
    """Pages that were not weighed."""


def share_of_false(weighed: Sequence[Evidence]) -> float:
    """Among the full words of a report whose sub-questions are these; 0 without any."""
    questions = {str(index): evidence for index, evidence in enumerate(weighed)}
    verdicts = decide_sub_questions(questions, PROVENANCE).values()
    full = [graded(v) for v in verdicts if v.rung is not None and v.rung.is_full]
    return sum(map(is_false, full)) / max(len(full), 1)


def rate_at_most(shares: Sequence[float], rate: float) -> bool:
    """Whether such shares can come from a mean of at most that rate (one-sided, 1 %)."""
    error = np.std(shares, ddof=1) / math.sqrt(len(shares))
    return bool(np.mean(shares) <= rate + 2.33 * error)


def count_false(bank: Bank, num_reports: int, seed: int) -> Counts:
    rng = np.random.default_rng(seed)
    by_page = np.zeros(len(CLAIMS) + len(FLIPS), dtype=int)
    shares: list[float] = []
    false = uncorrected = blocked = 0
    for _ in range(num_reports):
        rows = draw_rows(bank, rng)
        weighed = weigh(CLAIMS, rows, BASELINE) + weigh(FLIPS, rows, OTHER_SIDE)
        false += any(map(is_false, decide(weighed)))
        shares.append(share_of_false(weighed))
        alone = np.array([is_false(decide([evidence])[0]) for evidence in weighed])
        by_page += alone
        uncorrected += bool(alone.any())
        blocked += sum(evidence.status != "weighed" for evidence in weighed)
    return Counts(false, shares, by_page.tolist(), uncorrected, blocked)


def test_null_reports_of_real_scores_have_few_false_verdicts(bank: Bank) -> None:
    counts = count_false(bank, 60, seed=1)
    assert at_most(counts.false, 60, 0.05)
    assert rate_at_most(counts.false_shares, 0.05)
    assert counts.blocked <= 10, "a page that is never weighed can't be wrong"


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_at_most_62_of_1000_null_reports_have_a_false_verdict(bank: Bank) -> None:
    """5 % and what chance adds to it; without the correction over pages it is far more."""
    counts = count_false(bank, 1_000, seed=2)
    assert counts.false <= 62, counts
    assert rate_at_most(counts.false_shares, 0.05), np.mean(counts.false_shares)
    assert all(at_most(count, 1_000, 0.05) for count in counts.by_page), counts
    assert counts.uncorrected > 62, "the pages are so dull that nothing is tested"
    assert counts.blocked <= 170, counts


def test_a_real_loss_is_found_in_every_report(bank: Bank) -> None:
    """The swapped prompts as a rival: the null reports are judged by a rule that can see."""
    rng = np.random.default_rng(3)
    rules: tuple[str, ...] = ("all_worse", "best_of_grid", "lower", "no_difference")
    claims = [
        claim_of(rule, metric, phase, RIVALS[:1])
        for rule in rules
        for metric in ("alignment", "all_facts")
        for phase in PHASES
    ]
    for _ in range(5):
        rows = draw_rows(bank, rng)
        # The assay's arm can't be a rival, so the rival is a copy of it.
        copies = [row | {"variant": RIVALS[0]} for row in rows if row["variant"] == SWAPPED_PROMPTS]
        table = [row for row in rows if row["variant"] != RIVALS[0]] + copies
        told = [word.split(":")[0] for word in decide(weigh(claims, table, BASELINE))]
        assert told == ["yes"] * 12 + ["no"] * 4
        some = claim_of("no_difference", "alignment", "screen", RIVALS)
        (rung,) = [r for r in weigh([some], table, BASELINE)[0].rungs if r.says == "no"]
        assert rung.names(0.05) == RIVALS[:1]


def _broken(judge: Callable[[Row, np.random.Generator], float]) -> Callable[..., list[Row]]:
    """A judge in place of the real one, who sees a row of the score table."""

    def judged(rows: list[Row], rng: np.random.Generator) -> list[Row]:
        return [row | {m: judge(row | {"metric": m}, rng) for m in JUDGED} for row in rows]

    return judged


def _shuffled(rows: list[Row], rng: np.random.Generator) -> list[Row]:
    """Every picture gets the real scores of another one: true frequencies, no relation."""
    order = rng.permutation(len(rows))
    return [
        row | {metric: rows[other][metric] for metric in JUDGED}
        for row, other in zip(rows, order, strict=True)
    ]


def _blind_to_text(rows: list[Row], _: np.random.Generator) -> list[Row]:
    """Scores the picture whatever the prompt states: the swapped arm equals the baseline."""
    own = {(r["phase"], r["prompt_id"], r["seed"]): r for r in rows if r["variant"] == BASELINE}
    return [
        row | {m: own[row["phase"], row["prompt_id"], row["seed"]][m] for m in JUDGED}
        if row["variant"] == SWAPPED_PROMPTS
        else row
        for row in rows
    ]


def _images(row: Row) -> str:
    return BASELINE if row["variant"] == SWAPPED_PROMPTS else row["variant"]


JUDGES: dict[str, Callable[[list[Row], np.random.Generator], list[Row]]] = {
    "constant": _broken(lambda row, rng: 1.0),
    "random": _broken(lambda row, rng: float(rng.integers(5)) / 4),
    "without a number": _broken(lambda row, rng: math.nan),
    "mostly without one": _broken(
        lambda row, rng: row[row["metric"]] if rng.random() < 0.5 else math.nan
    ),
    "fond of the baseline": _broken(lambda row, rng: float(_images(row) == BASELINE)),
    "fond of a rival": _broken(lambda row, rng: float(_images(row) == RIVALS[0])),
    "fails on the rivals": _broken(
        lambda row, rng: math.nan if row["variant"] in RIVALS else row[row["metric"]]
    ),
    "shuffled": _shuffled,
    "blind to the text": _blind_to_text,
}


@pytest.mark.parametrize("judge", JUDGES)
def test_a_broken_judge_supports_nothing(bank: Bank, judge: str) -> None:
    """Not through a whole report either; what no judge enters may still be decided."""
    rng = np.random.default_rng(4)
    for _ in range(3):
        rows = JUDGES[judge](draw_rows(bank, rng), rng)
        judged = [claim for claim in CLAIMS if claim.metric in JUDGED]
        weighed = weigh(judged, rows, BASELINE)
        assert set(decide(weighed)) == {"open"}
        assert {rival.word for evidence in weighed for rival in evidence.rivals} <= {"open"}
