"""The claims at full size: the committed evidence is that of the committed scores, and is shown."""

import re
from pathlib import Path

import pytest

from calibration.study.weigh_full import FAMILIES, OUT, kept_claims, weigh_results
from tests.support.fakes.fake_reports import PROVENANCE
from zimage_eval.cli.rows import answers_table
from zimage_eval.output.text_tables import render_text
from zimage_eval.questions.evidence import (
    Evidence,
    GradedRung,
    Place,
    RivalResult,
    inconclusive,
    largest_evidence,
    read_evidence,
    read_full_evidence,
    write_evidence,
)
from zimage_eval.questions.measurements import StudyScores
from zimage_eval.questions.questions import load_questions, places
from zimage_eval.report.verdicts import answer_questions, verdict_table

QUESTIONS = load_questions(Path("questions"))
A5, A7 = "a05-think-block", "a07-token-limit"
SMALL = Evidence("weighed", (GradedRung("no_difference", "yes", 0.2, True),), "", num_prompts=64)
LARGE = Evidence(
    status="weighed",
    rungs=(GradedRung("no_difference", "yes", 1e-9, is_full=True, number_of="empty"),),
    reason="",
    num_prompts=512,
    rivals=(RivalResult("empty", word="no_difference", gain=0.0, low=-0.01, high=0.01),),
)


@pytest.mark.parametrize("model", ["nano", "mini"])
def test_the_committed_evidence_is_that_of_the_committed_scores(model: str, tmp_path: Path) -> None:
    write_evidence(tmp_path / "again.json", weigh_results(model, FAMILIES / model / "results"))
    assert (tmp_path / "again.json").read_bytes() == (OUT / f"{model}.json").read_bytes()


def test_claims_on_other_phases_and_metrics_have_no_such_evidence() -> None:
    scores = {"think_block": StudyScores([{"alignment": 1.0}], "none")}
    kept = [place for place, _ in kept_claims(QUESTIONS, scores)]
    assert Place(A5, "weights") in kept
    assert Place(A5, "0") not in kept, "asks for confirmed pictures"
    assert {place.page for place in kept} == {A5}
    asked = [place for name, one in QUESTIONS.items() for place, _ in places(name, one)]
    assert len(kept) < len(asked)


def test_the_largest_evidence_gives_the_word_and_the_smaller_is_told() -> None:
    questions = {name: QUESTIONS[name] for name in (A5, A7)}
    weights = Place(A5, "weights")
    answers = answer_questions(questions, {weights: SMALL}, PROVENANCE, {weights: LARGE})
    think, limit = answers
    assert think.verdicts.weights.word == "supported"
    assert think.smaller is not None and think.smaller.word == "open"
    assert limit.smaller is None
    row = next(line for line in verdict_table(answers).splitlines() if "[A5]" in line)
    assert "**supported** | yes: no difference that matters" in row and "open, 64" in row
    assert re.search(r"512 +open", render_text(answers_table(answers)))


def test_a_claim_that_full_size_could_not_weigh_keeps_its_word() -> None:
    place = Place(A5, "weights")
    blocked = inconclusive("too few were scored", 512)
    assert largest_evidence({place: SMALL}, {place: blocked}) == {place: SMALL}
    assert largest_evidence({place: SMALL}, {place: LARGE}) == {place: LARGE}


def test_a_model_without_such_a_run_has_none(tmp_path: Path) -> None:
    write_evidence(tmp_path / "nano.json", {Place(A5, "weights"): LARGE})
    assert read_full_evidence(tmp_path, "nano") == read_evidence(tmp_path / "nano.json")
    assert read_full_evidence(tmp_path, "z-image-turbo") == {}
