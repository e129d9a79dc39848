"""Questions: their files, and the way from a score table to a verdict in words."""

from pathlib import Path
from typing import Any

import pytest

from zimage_eval.evidence import FROZEN_WEIGHTS, Evidence
from zimage_eval.params import expand_variants, load_model_spec, load_params
from zimage_eval.questions import (
    Question,
    load_questions,
    read_evidence,
    weigh_question,
    write_evidence,
)
from zimage_eval.report_verdicts import Answer, describe_answer, verdict_table
from zimage_eval.tables import SWAPPED_PROMPTS
from zimage_eval.verdicts import Page, Provenance, decide_report

PROVENANCE = Provenance(
    model="nano",
    weights_sha256="a" * 64,
    judge="scenes",
    prompt_set="scenes",
    num_hand_labels=0,
    carries_over="method",
)
BASELINE = "hidden_layer=-2"


@pytest.fixture
def question() -> Question:
    return load_questions(Path("questions"))["a01-hidden-layer"]


def table(scores: dict[str, float], num_prompts: int = 64) -> list[dict[str, Any]]:
    """Alternately a little above and below each variant's mean."""
    return [
        {
            "variant": variant,
            "phase": "screen",
            "prompt_id": f"p{index:03d}",
            "seed": 1,
            "category": "object",
            "error": None,
            "alignment": mean + (0.05 if (index + len(variant)) % 2 else -0.05),
        }
        for variant, mean in scores.items()
        for index in range(num_prompts)
    ]


def scores_of(
    question: Question, baseline: float, rival: float, swapped: float
) -> dict[str, float]:
    rivals = dict.fromkeys(question.claim.rivals, rival)
    return {BASELINE: baseline, SWAPPED_PROMPTS: swapped} | rivals


def word(evidence: Evidence) -> str:
    pages = {"one": Page(evidence, FROZEN_WEIGHTS, PROVENANCE)}
    return decide_report(pages)["one"].weights.word


def test_every_claim_names_a_study_and_rivals_that_are_there() -> None:
    params = load_params(Path("params.yaml"))
    defaults = load_model_spec(Path("models/nano.yaml")).defaults
    for name, question in load_questions(Path("questions")).items():
        claim = question.claim
        assert claim.study in params.studies, name
        variants = expand_variants(params.get_study(claim.study), defaults)
        rivals = {variant.name for variant in variants if not variant.is_baseline}
        assert set(claim.rivals) == rivals, name
        assert claim.assay.variant == SWAPPED_PROMPTS


def test_every_study_that_varies_something_has_a_question() -> None:
    params = load_params(Path("params.yaml"))
    asked = {question.claim.study for question in load_questions(Path("questions")).values()}
    assert asked == {key for key, study in params.studies.items() if study.vary or study.variants}


@pytest.mark.parametrize(
    ("baseline", "rival", "swapped", "expected"),
    [
        (0.9, 0.5, 0.3, "supported"),
        (0.5, 0.9, 0.1, "refuted"),
        (0.9, 0.9, 0.3, "inconclusive"),
        (0.9, 0.5, 0.9, "inconclusive"),  # a judge that doesn't read the prompt
    ],
)
def test_the_verdict_follows_the_scores(
    question: Question, baseline: float, rival: float, swapped: float, expected: str
) -> None:
    rows = table(scores_of(question, baseline, rival, swapped))
    assert word(weigh_question(question, rows, BASELINE)) == expected


def test_a_rival_that_the_study_lacks_is_named(question: Question) -> None:
    scores = scores_of(question, 0.9, 0.5, 0.3)
    del scores["hidden_layer=-4"]
    evidence = weigh_question(question, table(scores), BASELINE)
    assert word(evidence) == "not_testable"
    assert "hidden_layer=-4" in evidence.reason


def test_evidence_comes_back_as_written(question: Question, tmp_path: Path) -> None:
    rows = table(scores_of(question, 0.9, 0.5, 0.3))
    evidence = weigh_question(question, rows, BASELINE)
    write_evidence(tmp_path / "new" / "study.json", {"a": evidence})
    [(name, found)] = read_evidence(tmp_path / "new" / "study.json").items()
    assert name == "a" and found.status == "weighed" and found.named == evidence.named
    assert found.p_supported == pytest.approx(evidence.p_supported, rel=1e-5)


def test_a_misspelled_key_names_the_file(tmp_path: Path) -> None:
    text = Path("questions/a02-guidance.yaml").read_text(encoding="utf-8")
    (tmp_path / "q.yaml").write_text(text.replace("hypothesis:", "hypotesis:"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"q\.yaml.*hypotesis"):
        load_questions(tmp_path)


def test_the_report_says_both_verdicts_and_on_what_they_rest(question: Question) -> None:
    rows = table(scores_of(question, 0.9, 0.5, 0.3))
    page = Page(weigh_question(question, rows, BASELINE), FROZEN_WEIGHTS, PROVENANCE)
    answer = Answer(question, decide_report({"one": page})["one"])
    assert "**supported**" in verdict_table([answer])
    text = describe_answer(answer)
    assert "These weights: **supported**" in text and "The design: **not testable here**" in text
    assert "n = 64 prompts" in text and "`aaaaaaaaaaaaaaaa`" in text and "method" in text
