"""Questions: their files, and the way from a score table to a verdict in words."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.params import load_params
from zimage_eval.output.observations import Measurement
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.prompts.templates import study_variants
from zimage_eval.questions.claims import Claim, ExactClaim, StudyClaim
from zimage_eval.questions.evidence import Evidence, read_evidence, write_evidence
from zimage_eval.questions.questions import (
    Place,
    Question,
    SubQuestion,
    load_questions,
    load_terms,
    places,
)
from zimage_eval.questions.verdicts import Provenance
from zimage_eval.questions.weighing import Measurements, StudyScores, weigh_claim
from zimage_eval.report.page import write_page
from zimage_eval.report.verdicts import answer_questions, verdict_table

QUESTIONS = load_questions(Path("questions"))
TERMS = load_terms(Path("questions"))
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


def claim_of(**fields: object) -> Claim:
    return TypeAdapter[Claim](Claim).validate_python(fields)


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
    return Measurements({"hidden_layer": StudyScores(table(scores), BASELINE)}, {}, {})


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
                rivals = {variant.name for variant in variants if not variant.is_baseline}
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
        (0.9, 0.9, 0.3, "inconclusive"),
        (0.9, 0.5, 0.9, "inconclusive"),  # a judge that doesn't read the prompt
    ],
)
def test_the_verdict_follows_the_scores(
    question: Question, baseline: float, rival: float, swapped: float, expected: str
) -> None:
    evidence = weigh_claim(question.claim, measured(question, baseline, rival, swapped), TERMS)
    assert word(evidence, question) == expected


def test_a_rival_or_a_study_that_is_not_there_is_named(question: Question) -> None:
    claim = question.claim.model_copy(update={"rivals": ("hidden_layer=-9",)})
    evidence = weigh_claim(claim, measured(question, 0.9, 0.5, 0.3), TERMS)
    assert word(evidence, question) == "not_testable"
    assert "hidden_layer=-9" in evidence.reason
    assert "not part of this run" in weigh_claim(claim, Measurements({}, {}, {}), TERMS).reason


def test_a_claim_may_compare_two_rivals(question: Question) -> None:
    assert isinstance(question.claim, StudyClaim) and isinstance(question.claim.rivals, tuple)
    first, second, *_ = question.claim.rivals
    update = {"baseline": first, "rivals": (second,), "rule": "no_difference"}
    claim = question.claim.model_copy(update=update)
    (seen,) = weigh_claim(claim, measured(question, 0.9, 0.5, 0.3), TERMS).rivals
    assert seen.variant == second and seen.gain == pytest.approx(0.0, abs=0.1)
    lacking = question.claim.model_copy(update={"baseline": "hidden_layer=-9"})
    assert "-9" in weigh_claim(lacking, measured(question, 0.9, 0.5, 0.3), TERMS).reason


def test_all_rivals_are_those_of_the_study(question: Question) -> None:
    claim = question.claim.model_copy(update={"rivals": "all"})
    evidence = weigh_claim(claim, measured(question, 0.9, 0.5, 0.3), TERMS)
    assert [one.variant for one in evidence.rivals] == list(getattr(question.claim, "rivals", ()))
    assert all(one.kind == "worse" for one in evidence.rivals)


def observations(means: dict[str, float], num_units: int = 12) -> list[Measurement]:
    return [
        Measurement(arm, f"photo-{unit}", 0, "photograph", "psnr", mean + 0.01 * (unit % 3) * i)
        for i, (arm, mean) in enumerate(means.items(), 1)
        for unit in range(num_units)
    ]


@pytest.mark.parametrize(("bf16", "status"), [(36.9, True), (30.0, False)])
def test_a_benchmark_is_weighed_by_the_same_rules(bf16: float, status: bool) -> None:
    seen = Measurements({}, {"vae": observations({"fp32": 37.0, "bf16": bf16})}, {})
    claim = claim_of(rule="no_difference", benchmark="vae", metric="psnr", better="higher",
                     baseline="fp32", rivals=["bf16"], margin=1.0)  # fmt: skip
    evidence = weigh_claim(claim, seen, TERMS)
    assert (evidence.p_if_false < 0.001, evidence.p_if_true < 0.001) == (status, not status)
    beyond = claim_of(rule="above", benchmark="vae", metric="psnr", variant="bf16", threshold=35.0)
    assert (weigh_claim(beyond, seen, TERMS).p_if_false < 0.001) is status


@pytest.mark.parametrize(
    ("mean", "kind"), [(37.0, "higher"), (33.0, "lower"), (35.0, "unresolved")]
)
def test_a_mean_is_seen_on_either_side_of_its_threshold(mean: float, kind: str) -> None:
    seen = Measurements({}, {"vae": observations({"fp32": mean})}, {})
    claim = claim_of(rule="above", benchmark="vae", metric="psnr", variant="fp32", threshold=35.01)
    assert [one.kind for one in weigh_claim(claim, seen, TERMS).rivals] == [kind]


def test_units_that_all_fail_are_evidence_on_a_share_and_none_on_a_number() -> None:
    seen = Measurements(
        {}, {"vae": [o._replace(value=0.0) for o in observations({"fp32": 1.0})]}, {}
    )
    fields = {"rule": "below", "benchmark": "vae", "metric": "psnr", "variant": "fp32"}
    share = weigh_claim(claim_of(**fields, threshold=0.5, bounds=[0, 1]), seen, TERMS)
    assert (
        share.p_if_false < 0.01 and share.rivals[0].low == 0.0 and share.rivals[0].kind == "lower"
    )
    number = weigh_claim(claim_of(**fields, threshold=0.5), seen, TERMS)
    assert number.status == "inconclusive" and "12 units agree too exactly" in number.reason


def test_an_arm_of_chance_is_averaged_beside_one_that_was_made_once() -> None:
    once = observations({"mode": 37.0})
    drawn = [
        Measurement("sample", one.unit, r, one.category, one.metric, (one.value or 0.0) + r + n % 2)
        for n, one in enumerate(once)
        for r in (0, 1)
    ]
    claim = claim_of(rule="no_difference", benchmark="vae", metric="psnr", better="higher",
                     baseline="mode", rivals=["sample"], margin=2.0)  # fmt: skip
    evidence = weigh_claim(claim, Measurements({}, {"vae": once + drawn}, {}), TERMS)
    assert evidence.num_prompts == 12 and evidence.rivals[0].gain == pytest.approx(1.0)
    failed = [one._replace(value=None) if one.replicate else one for one in drawn]
    blocked = weigh_claim(claim, Measurements({}, {"vae": once + failed}, {}), TERMS)
    assert blocked.status == "inconclusive" and "0% of the pairs" in blocked.reason


def test_checks_are_exact_and_cost_no_other_claim_anything(question: Question) -> None:
    claim = claim_of(rule="exact", benchmark="token_limit", checks=["limit", "why"])
    assert isinstance(claim, ExactClaim)

    def weigh(checks: dict[str, float | None]) -> Evidence:
        return weigh_claim(claim, Measurements({}, {}, {"token_limit": {"checks": checks}}), TERMS)

    assert word(weigh({"limit": 1, "why": 1}), question) == "supported"
    assert word(weigh({"limit": 1, "why": 0}), question) == "refuted"
    assert weigh({"limit": 1, "why": 0}).named == ("why",)
    assert word(weigh({"limit": 1}), question) == "not_testable"


def test_a_benchmark_may_have_tested_itself(question: Question) -> None:
    claim = claim_of(
        rule="tested", benchmark="probe", row="grid", p_value="p_value", size="num_images"
    )

    def weigh(p_value: float | None) -> Evidence:
        row = {"p_value": p_value, "num_images": 792}
        return weigh_claim(claim, Measurements({}, {}, {"probe": {"grid": row}}), TERMS)

    assert word(weigh(0.001), question) == "supported" and weigh(0.001).num_prompts == 792
    assert word(weigh(0.9), question) == "inconclusive"
    assert word(weigh(None), question) == "not_testable"


def test_evidence_comes_back_as_written(question: Question, tmp_path: Path) -> None:
    evidence = weigh_claim(question.claim, measured(question, 0.9, 0.5, 0.3), TERMS)
    write_evidence(tmp_path / "new.json", {Place(NAME, "weights"): evidence})
    [(place, found)] = read_evidence(tmp_path / "new.json").items()
    assert place == (NAME, "weights") and found.named == evidence.named
    assert found.rivals[0].variant == evidence.rivals[0].variant
    assert found.p_if_false == pytest.approx(evidence.p_if_false, rel=1e-5)


@pytest.mark.parametrize(
    ("old", "changed", "said"),
    [
        ("hypothesis:", "hypotesis:", r"q\.yaml.*hypotesis"),
        ("row: A2", "row: B2", r"q\.yaml.*row"),
        ("rule: baseline_best", "rule: best", r"q\.yaml.*rule"),
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
        place: weigh_claim(claim, seen, TERMS)
        for place, claim in places(NAME, question)
        if place.part == "weights"
    }
    answers = answer_questions({NAME: question}, evidence, PROVENANCE, {})
    assert "**supported**" in verdict_table(answers)
    text = write_page(answers[0], {}, ["hidden_layer"], "Values: 2", "Seconds: 3")
    assert "These weights: **supported**" in text and "The design: **not testable here**" in text
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


def test_a_claim_that_denies_its_sub_question_turns_the_answer_round(question: Question) -> None:
    claim = question.claim
    subs = tuple(
        SubQuestion(question=f"{no}?", claim=claim, supported_says_no=no) for no in (False, True)
    )
    asked = question.model_copy(update={"sub_questions": subs})
    seen = measured(question, 0.9, 0.5, 0.3)
    evidence = {place: weigh_claim(one, seen, TERMS) for place, one in places(NAME, asked)}
    (answer,) = answer_questions({NAME: asked}, evidence, PROVENANCE, {})
    text = write_page(answer, {}, [], "", "")
    assert "**False?** The results suggest yes" in text
    assert "**True?** The results suggest no" in text


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
