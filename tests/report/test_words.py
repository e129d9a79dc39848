"""Graded words as a reader sees them: one sentence, one number, and what would decide."""

import math
from typing import Any

import pytest

from tests.support.fakes.fake_reports import PROVENANCE
from zimage_eval.questions.claims.claim import RivalTable
from zimage_eval.questions.evidence import Evidence, GradedRung, RivalResult, not_testable
from zimage_eval.questions.rules.catalogue import RULES
from zimage_eval.questions.verdicts import Verdict
from zimage_eval.report.words import FINDINGS, PHRASES, say, show_result, tell
from zimage_eval.statistics.studentized import mean_test
from zimage_eval.statistics.words import gain_words

SHOWN = RivalTable("alignment", 3)
RIVALS = (
    RivalResult("half", "worse_less", -0.05, -0.08, -0.02, saves=4.0),
    RivalResult("double", "worse_more", -0.3, -0.35, -0.25, saves=-8.0),
)


def verdict(
    word: str,
    says: str = "yes",
    named: tuple[tuple[str, float], ...] = (),
    **changes: Any,  # noqa: ANN401 - fields of Evidence
) -> Verdict:
    rung = GradedRung(word, says, 0.001, is_full=True, named=named, number_of="half")  # type: ignore[arg-type]
    evidence = Evidence(
        status="weighed",
        rungs=(rung,),
        reason="",
        num_prompts=512,
        baseline="full",
        margin=0.1,
        rivals=RIVALS,
        closest="half",
        num_needed=700,
    )._replace(**changes)
    return Verdict(rung, 0.05, evidence, PROVENANCE)


def opened(**changes: Any) -> Verdict:  # noqa: ANN401 - fields of Evidence
    return verdict("more", **changes)._replace(rung=None)


@pytest.mark.parametrize("name", RULES)
def test_every_word_of_a_rule_has_a_phrase(name: str) -> None:
    rule = RULES[name]
    assert {("yes", word) for word in rule.yes} | {("no", word) for word in rule.no} <= set(PHRASES)


def test_every_word_on_a_single_rival_has_a_finding() -> None:
    test = mean_test([0.1, 0.2] * 8, (-1, 1))
    assert test is not None
    assert {rung.word for rung in gain_words(test, 0.1, "a")} | {"open"} <= set(FINDINGS)


def test_a_word_stands_with_the_one_number_that_decides() -> None:
    told = tell(verdict("more"), SHOWN)
    assert told == (
        "yes, by more than matters; `half` \N{MINUS SIGN}0.050 "
        "[\N{MINUS SIGN}0.080, \N{MINUS SIGN}0.020]; n = 512."
    )
    assert "double" in tell(verdict("more", named=(("double", 0.01),)), SHOWN)


@pytest.mark.parametrize(
    ("word", "says", "named", "said"),
    [
        ("keep", "yes", (), "keep it: it beats every other"),
        (
            "keep_or_change",
            "yes",
            (("half", 0.01),),
            "keep it; `half` saves 4 forwards for a loss that does not matter",
        ),
        (
            "keep_or_change",
            "yes",
            (("even", 0.01),),
            "keep it; `even` gains by less than matters at no cost",
        ),
        ("change", "no", (("half", 0.01),), "change to `half`"),
        ("no", "no", (("half", 0.01),), "no: `half` is within 0.1 of the best for every kind"),
        ("no", "no", (), "no: `full` is within 0.1 of the best for every kind"),
    ],
)
def test_words_on_levels(
    word: str, says: str, named: tuple[tuple[str, float], ...], said: str
) -> None:
    assert say(verdict(word, says, named), SHOWN) == said


def test_an_open_question_says_what_leaves_it_open_and_what_would_decide() -> None:
    leaves_open = (("half", 0.2), ("double", 0.001))
    told = say(opened(leaves_open=leaves_open), SHOWN)
    assert told == "open at this size; left open by `half`; about 700 prompts would decide"
    assert "border" in say(opened(num_needed=200), SHOWN), "more prompts than planned left it open"
    sets = (("all", ("half", "full")),)
    assert say(opened(sets=sets), SHOWN) == "open at this size; straddles: `half`, `full`"


def test_a_ratio_is_shown_as_one() -> None:
    result = RivalResult("crisp", "more", math.log(1.32), math.log(1.27), math.log(1.37))
    assert show_result(result, RivalTable("sharpness", 2, is_ratio=True)) == "x 1.32 [1.27, 1.37]"


def test_kinds_have_their_own_sets() -> None:
    same = (("count", ("full",)), ("object", ("full",)))
    assert "may be the best in every kind: `full`" in tell(verdict("no", "no", sets=same), SHOWN)
    other = (("count", ("full",)), ("object", ("half", "full")))
    told = tell(verdict("no", "no", sets=other), SHOWN)
    assert "may be the best: count `full`, object `half`, `full`" in told


def test_what_was_not_measured_here_says_why() -> None:
    lacking = Verdict(None, 0.05, not_testable("nothing was drawn"), PROVENANCE)
    assert tell(lacking, SHOWN) == "not testable here; nothing was drawn."
