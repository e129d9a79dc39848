from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from pydantic import TypeAdapter

from tests.support.fakes.fake_reports import PROVENANCE, compare, graded, verdicts_of, words
from zimage_eval.output.tables import TableRow
from zimage_eval.questions.claims.claim import Claim
from zimage_eval.questions.claims.kinds import AnyClaim
from zimage_eval.questions.contrasts import Assay, Contrast
from zimage_eval.questions.evidence import (
    FROZEN_WEIGHTS,
    Evidence,
    GradedRung,
    RivalResult,
    Says,
    inconclusive,
    not_testable,
)
from zimage_eval.questions.measurements import Measurements, StudyScores
from zimage_eval.questions.questions import Place
from zimage_eval.questions.rules.catalogue import RULES
from zimage_eval.questions.terms import AssayRule, SharedTerms
from zimage_eval.questions.verdicts import (
    Page,
    count_answers,
    decide_report,
    decide_sub_questions,
    headline_levels,
)

BLIND = Assay(is_sensitive=False, reason="blind")


def contrast_of(variant: str, values: Sequence[float], coverage: float = 1.0) -> Contrast:
    differences = {f"p{index:04d}": float(value) for index, value in enumerate(values)}
    return Contrast(variant, "alignment", differences, coverage, (-1, 1), "higher")


def around(mean: float, num_prompts: int = 128, seed: int = 0) -> list[float]:
    """Differences with exactly that mean and a standard deviation near 0.25."""
    noise = np.random.default_rng(seed).choice([-0.25, 0.25], num_prompts)
    return list(np.clip(noise - noise.mean() + mean, -1, 1))


def weighed(*rungs: GradedRung, status: str = "weighed") -> Evidence:
    return Evidence(status=status, rungs=rungs, reason="", num_prompts=64)  # type: ignore[arg-type]


def full(p_value: float, says: Says = "yes") -> Evidence:
    return weighed(GradedRung("more", says, p_value, is_full=True))


def test_without_a_sensitive_judge_nothing_is_decided() -> None:
    for mean in (-0.5, 0.0, 0.5):
        comparison = compare(contrast_of("rival", around(mean)), assay=BLIND)
        for name, rule in RULES.items():
            if name not in ("interaction", "in_range"):
                evidence = rule.weigh(comparison)
                assert (words([evidence]), evidence.reason) == (["open"], "blind")


def test_the_report_corrects_over_what_was_asked() -> None:
    close, failed = full(0.03), inconclusive("coverage")
    assert words([close]) == ["supported"]
    assert words([close, not_testable("no such layer")]) == ["supported", "not_testable"]
    assert words([close, failed]) == ["open", "open"]
    assert words([close, full(0.0, "no")._replace(status="exact")]) == ["supported", "refuted"]


def test_a_headline_is_read_at_the_level_that_holm_grants() -> None:
    """Three claims: 0.05 / 3, then 0.05 / 2; the third is not reached."""
    claims = [full(0.02), full(0.001), full(0.03)]
    assert headline_levels(claims) == pytest.approx([0.05 / 2, 0.05 / 3, 0.05])
    claims[2] = full(0.06)
    assert headline_levels(claims) == pytest.approx([0.05 / 2, 0.05 / 3, 0.05])
    claims[0] = full(0.04)
    assert headline_levels(claims) == pytest.approx([0.05 / 2, 0.05 / 3, 0.05 / 2])


def test_a_part_word_answers_where_no_full_one_is_earned() -> None:
    part = weighed(
        GradedRung("more", "yes", 0.2, True), GradedRung("size_open", "yes", 0.01, False)
    )
    (verdict,) = verdicts_of([part])
    assert (verdict.word, graded(verdict)) == ("supported", "yes: size_open")
    assert words([part, full(0.2)]) == ["supported", "open"]


def test_the_design_is_not_testable_on_frozen_weights() -> None:
    page = Page(full(0.001), FROZEN_WEIGHTS, PROVENANCE)
    verdicts = decide_report({"a01": page})["a01"]
    assert (verdicts.weights.word, verdicts.design.word) == ("supported", "not_testable")
    assert "training ablation" in verdicts.design.evidence.reason
    assert verdicts.weights.provenance.model == "nano"
    trained = page._replace(design=full(0.002, "no"))
    assert decide_report({"a01": trained})["a01"].design.word == "refuted"


def test_sub_questions_are_read_at_one_level() -> None:
    """Two of four have a full word at it, which makes it half of 5 %; exact ones don't count."""
    p_values = {"a": 0.001, "b": 0.02, "c": 0.04, "d": 0.9}
    evidence = {name: full(p_value) for name, p_value in p_values.items()}
    evidence["e"] = full(0.0)._replace(status="exact")
    verdicts = decide_sub_questions(evidence, PROVENANCE)
    assert {verdict.level for verdict in verdicts.values()} == {0.025}
    told = [verdict.word for verdict in verdicts.values()]
    assert told == ["supported", "supported", "open", "open", "supported"]


def test_the_arms_that_leave_it_open_and_the_number_that_decides_are_told() -> None:
    rivals = tuple(RivalResult(name, "open", 0.0, -0.1, 0.1) for name in ("a", "b"))
    evidence = weighed(GradedRung("more", "yes", 0.2, True, (("b", 0.2),), "b"))._replace(
        rivals=rivals, leaves_open=(("a", 0.3), ("b", 0.01)), closest="a"
    )
    (verdict,) = verdicts_of([evidence])
    assert verdict.named == ("a",) and verdict.decisive == rivals[0]
    earned = evidence._replace(rungs=(GradedRung("more", "yes", 0.001, True, (("b", 0.001),), ""),))
    (verdict,) = verdicts_of([earned])
    assert verdict.named == ("b",) and verdict.decisive == rivals[1]


def test_a_judge_of_natural_images_needs_hand_labels() -> None:
    assert PROVENANCE.mark == ""
    natural = PROVENANCE.model_copy(update={"prompt_set": "natural", "judge": "detector"})
    assert "0 labelled images" in natural.mark
    assert natural.model_copy(update={"num_hand_labels": 200}).mark == ""


CLAIM = {
    "rule": "all_worse",
    "study": "hidden_layer",
    "metric": "alignment",
    "phase": "screen",
    "rivals": ["hidden_layer=-1"],
    "margin": 0.1,
}
SHARED = SharedTerms(
    min_coverage=0.95, assay=AssayRule(variant="swapped", metric="alignment", margin=0.1)
)


def weigh(fields: Mapping[str, object], rows: Sequence[TableRow], baseline: str) -> Evidence:
    studies = {str(fields["study"]): StudyScores(rows, baseline)}
    measured = Measurements(studies=studies, observations={}, results={}, terms=SHARED)
    return TypeAdapter[Claim](AnyClaim).validate_python(fields).weigh(measured)


def test_a_claim_is_weighed_on_a_score_table() -> None:
    means = {"hidden_layer=-2": 0.9, "hidden_layer=-1": 0.5, "swapped": 0.4}
    evidence = weigh(CLAIM, score_rows(means), "hidden_layer=-2")
    assert words([evidence]) == ["supported"]
    blind = weigh(CLAIM, score_rows(means | {"swapped": 0.9}), "hidden_layer=-2")
    assert words([blind]) == ["open"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"metric": "alignmint"}, "did you mean 'alignment'"),
        ({"rule": "all_wrose"}, "did you mean 'all_worse'"),
        ({"margin": 0}, "greater than 0"),
        ({"metric": "embedding_norm_pad", "margin": None}, "has no margin"),
    ],
)
def test_a_wrong_claim_says_what_is_wrong(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TypeAdapter[Claim](AnyClaim).validate_python(CLAIM | changed)


def test_what_no_judge_decides_is_not_held_up_by_one() -> None:
    claim = CLAIM | {"rule": "no_difference", "metric": "saturation", "rivals": ["rival"]}
    rng = np.random.default_rng(0)
    rows = score_rows({"baseline": 0.9, "rival": 0.9, "swapped": 0.9})
    colored = [row | {"saturation": 0.5 + rng.normal(0, 0.1)} for row in rows]
    assert words([weigh(claim, colored, "baseline")]) == ["supported"]
    assert words([weigh(claim | {"metric": "alignment"}, colored, "baseline")]) == ["open"]


def test_a_level_is_kept_by_what_pictures_took() -> None:
    """The rival is as good for half of the forwards, which the score table tells."""
    rows = score_rows({"baseline": 0.9, "rival": 0.9, "swapped": 0.1}, num_prompts=512)
    claim = CLAIM | {"rule": "keep", "rivals": ["rival"]}
    assert graded(verdicts_of([weigh(claim, rows, "baseline")])[0]) == "yes: keep"
    costs = {"baseline": 8, "rival": 4, "swapped": 8}
    cheap = [row | {"num_forwards": costs[str(row["variant"])]} for row in rows]
    evidence = weigh(claim, cheap, "baseline")
    assert evidence.rivals[0].saves == 4
    assert graded(verdicts_of([evidence])[0]) == "no: change"


def score_rows(means: Mapping[str, float], num_prompts: int = 64) -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    return [
        {
            "variant": variant,
            "phase": "screen",
            "prompt_id": f"p{prompt}",
            "seed": 1,
            "category": "one",
            "alignment": float(rng.binomial(4, mean)) / 4,
        }
        for variant, mean in means.items()
        for prompt in range(num_prompts)
    ]


def test_answers_are_counted_by_the_verdicts_of_the_report() -> None:
    """0.03 is below 5 % alone, but not after Holm over both claims; a sub-question is none."""
    clear, close = full(0.001), full(0.03)
    evidence = {
        Place("a", "weights"): clear,
        Place("a", "design"): clear,
        Place("a", "0"): clear,
        Place("b", "weights"): close,
        Place("c", "weights"): not_testable("nothing was drawn"),
        Place("d", "weights"): full(0.0, "no")._replace(status="exact"),
    }
    assert count_answers(evidence) == {
        "supported": 2,
        "refuted": 1,
        "open": 0,
        "not_testable": 1,
    }
    evidence[Place("b", "design")] = close
    assert count_answers(evidence)["open"] == 1
