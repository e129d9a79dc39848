"""Questions: their files, and the way from a score table to a verdict in words."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes.fake_claims import measure
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.params import load_params
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.prompts.templates import study_variants
from zimage_eval.questions.claims.exact import ExactClaim
from zimage_eval.questions.claims.study import StudyClaim
from zimage_eval.questions.evidence import Evidence, Place, read_evidence, write_evidence
from zimage_eval.questions.measurements import Measurements, StudyScores
from zimage_eval.questions.questions import Question, SubQuestion, load_questions, places
from zimage_eval.questions.verdicts import Provenance
from zimage_eval.report.page import write_page
from zimage_eval.report.verdicts import answer_questions, verdict_table

QUESTIONS = load_questions(Path("questions"))
NAME = "a01-hidden-layer"
BASELINE = "hidden_layer=-2"
PROVENANCE = Provenance(
    model="nano",
    weights_sha256="a" * 64,
    judge="scenes",
    prompt_set="scenes",
    num_hand_labels=0,
    carries_over="nano only",
)


@pytest.fixture
def question() -> Question:
    return QUESTIONS[NAME]


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


def measured(question: Question, baseline: float, rival: float, swapped: float) -> Measurements:
    assert isinstance(question.claim, StudyClaim)
    scores = {BASELINE: baseline, SWAPPED_PROMPTS: swapped}
    scores |= dict.fromkeys(question.claim.rivals, rival)
    return measure(studies={"hidden_layer": StudyScores(table(scores), BASELINE)})


def word(evidence: Evidence, question: Question) -> str:
    answers = answer_questions({NAME: question}, {Place(NAME, "weights"): evidence}, PROVENANCE, {})
    return answers[0].verdicts.weights.word


@pytest.mark.parametrize("model", ["nano", "z-image-turbo"])
def test_every_claim_names_a_study_and_rivals_that_are_there(model: str) -> None:
    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{model}.yaml"))
    for name, question in QUESTIONS.items():
        for place, claim in places(name, question):
            if isinstance(claim, StudyClaim):
                assert claim.study in params.studies, place
                study = params.get_study(claim.study)
                variants = study_variants(study, spec, Path("prompts/templates"))
                baseline = claim.baseline or next(v.name for v in variants if v.is_baseline)
                rivals = {variant.name for variant in variants} - {baseline}
                assert claim.rivals == "all" or set(claim.rivals) <= rivals, place


def test_every_study_that_varies_something_is_asked_about() -> None:
    params = load_params(Path("params.yaml"))
    asked = set().union(*(question.sources for question in QUESTIONS.values()))
    varied = {key for key, study in params.studies.items() if study.vary or study.variants}
    assert varied <= asked


@pytest.mark.parametrize(
    ("baseline", "rival", "swapped", "expected"),
    [
        (0.9, 0.5, 0.3, "supported"),
        (0.5, 0.9, 0.1, "refuted"),
        (0.9, 0.9, 0.3, "supported"),  # equal, at equal cost: it stays
        (0.9, 0.5, 0.9, "open"),  # a judge that doesn't read the prompt
    ],
)
def test_the_verdict_follows_the_scores(
    question: Question, baseline: float, rival: float, swapped: float, expected: str
) -> None:
    evidence = question.claim.weigh(measured(question, baseline, rival, swapped))
    assert word(evidence, question) == expected


def test_a_rival_or_a_study_that_is_not_there_is_named(question: Question) -> None:
    claim = question.claim.model_copy(update={"rivals": ("hidden_layer=-9",)})
    evidence = claim.weigh(measured(question, 0.9, 0.5, 0.3))
    assert word(evidence, question) == "not_testable"
    assert "hidden_layer=-9" in evidence.reason
    assert "not part of this run" in claim.weigh(measure()).reason


def test_a_claim_may_compare_two_rivals(question: Question) -> None:
    assert isinstance(question.claim, StudyClaim) and isinstance(question.claim.rivals, tuple)
    first, second, *_ = question.claim.rivals
    update = {"baseline": first, "rivals": (second,), "rule": "no_difference"}
    claim = question.claim.model_copy(update=update)
    (seen,) = claim.weigh(measured(question, 0.9, 0.5, 0.3)).rivals
    assert seen.variant == second and seen.gain == pytest.approx(0.0, abs=0.1)
    lacking = question.claim.model_copy(update={"baseline": "hidden_layer=-9"})
    assert "-9" in lacking.weigh(measured(question, 0.9, 0.5, 0.3)).reason


def test_all_rivals_are_those_of_the_study(question: Question) -> None:
    claim = question.claim.model_copy(update={"rivals": "all"})
    evidence = claim.weigh(measured(question, 0.9, 0.5, 0.3))
    named = list(getattr(question.claim, "rivals", ()))
    assert [rival.variant for rival in evidence.rivals] == named
    assert all(rival.word == "worse_more" for rival in evidence.rivals)


def test_evidence_comes_back_as_written(question: Question, tmp_path: Path) -> None:
    evidence = question.claim.weigh(measured(question, 0.9, 0.5, 0.3))
    write_evidence(tmp_path / "new.json", {Place(NAME, "weights"): evidence})
    [(place, found)] = read_evidence(tmp_path / "new.json").items()
    assert place == (NAME, "weights") and found.leaves_open[0][0] == evidence.leaves_open[0][0]
    assert found.rivals[0].variant == evidence.rivals[0].variant
    for again, rung in zip(found.rungs, evidence.rungs, strict=True):
        assert again[:2] == rung[:2] and again.p_value == pytest.approx(rung.p_value, rel=1e-5)
        assert [name for name, _ in again.named] == [name for name, _ in rung.named]
    write_evidence(tmp_path / "again.json", {place: found})
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "new.json").read_bytes()


@pytest.mark.parametrize(
    ("old", "changed", "said"),
    [
        ("hypothesis:", "hypotesis:", r"q\.yaml.*hypotesis"),
        ("row: A2", "row: B2", r"q\.yaml.*row"),
        ("rule: keep", "rule: best", r"q\.yaml.*rule"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, old: str, changed: str, said: str) -> None:
    text = Path("questions/a02-guidance.yaml").read_text(encoding="utf-8")
    (tmp_path / "q.yaml").write_text(text.replace(old, changed), encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        load_questions(tmp_path)


def test_two_pages_about_one_row_are_refused(tmp_path: Path) -> None:
    text = Path("questions/a02-guidance.yaml").read_text(encoding="utf-8")
    for name in ("one", "other"):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="one and other are both about row A2"):
        load_questions(tmp_path)


def test_a_page_says_both_verdicts_and_on_what_they_rest(question: Question) -> None:
    seen = measured(question, 0.9, 0.5, 0.3)
    evidence = {
        place: claim.weigh(seen)
        for place, claim in places(NAME, question)
        if place.part == "weights"
    }
    answers = answer_questions({NAME: question}, evidence, PROVENANCE, {})
    assert "**supported**" in verdict_table(answers)
    text = write_page(answers[0], {}, ["hidden_layer"], "Values: 2", "Seconds: 3")
    assert "These weights: **supported**: keep it" in text
    assert "The design: not testable here" in text
    assert "n = 64" in text and "`aaaaaaaaaaaaaaaa`" in text and "[hidden_layer]" in text
    assert (
        text.index("### Results")
        < text.index("Values: 2")
        < text.index("Seconds: 3")
        < text.index("### Conclusions")
    )
    headings = [line for line in text.splitlines() if line.startswith("### ")]
    assert headings == [
        f"### {name}"
        for name in ("Question", "Hypothesis", "Method", "Results", "Conclusions",
                     "Sub-questions", "Follow-up questions")
    ]  # fmt: skip


def test_a_question_may_be_asked_from_either_side(question: Question) -> None:
    assert isinstance(question.claim, StudyClaim)
    differs, equal = (
        question.claim.model_copy(update={"rule": rule}) for rule in ("differs", "no_difference")
    )
    subs = (
        SubQuestion(question="Do they differ?", claim=differs),
        SubQuestion(question="Are they equal?", claim=equal),
    )
    asked = question.model_copy(update={"sub_questions": subs})
    seen = measured(question, 0.9, 0.5, 0.3)
    evidence = {place: claim.weigh(seen) for place, claim in places(NAME, asked)}
    (answer,) = answer_questions({NAME: asked}, evidence, PROVENANCE, {})
    text = write_page(answer, {}, [], "", "")
    assert "**Do they differ?** Yes, by more than matters" in text
    assert "**Are they equal?** No: they differ by more than matters" in text


def test_an_exact_page_shows_what_each_check_came_to() -> None:
    name = "qs4-embedding-cache"
    claim = QUESTIONS[name].claim
    assert isinstance(claim, ExactClaim)
    checks = dict.fromkeys(claim.checks, 1.0) | {claim.checks[1]: 0.0}
    results = {claim.benchmark: {claim.benchmark: {"checks": checks}}}
    (answer,) = answer_questions({name: QUESTIONS[name]}, {}, PROVENANCE, {})
    shown = [
        line for line in write_page(answer, results, [], "", "").splitlines() if line[:1] == "|"
    ]
    assert len(shown) == 2 + len(claim.checks)
    assert shown[2].endswith("| yes |") and shown[3].endswith("| no |")


def test_no_two_pages_make_one_claim() -> None:
    parts: dict[str, str] = {}
    for name, question in QUESTIONS.items():
        for claim in {str(c) for c in (question.claim, question.design) if c is not None}:
            assert claim not in parts, f"{name} and {parts[claim]} make the same claim"
            parts[claim] = name
