from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from zimage_eval.argmax_sets import argmax_p_values
from zimage_eval.claims import (
    FROZEN_WEIGHTS,
    Claim,
    Evidence,
    baseline_best,
    best_of_grid,
    no_difference,
    not_testable,
    weigh_claim,
)
from zimage_eval.contrasts import Assay, Contrast, Terms
from zimage_eval.frozen import parse, read_yaml
from zimage_eval.multiplicity import benjamini_hochberg, holm
from zimage_eval.noise_scales import Placement, fieller_interval, place_distance
from zimage_eval.verdicts import Page, Provenance, decide_report, decide_sub_questions

TERMS = Terms(margin=0.1, min_coverage=0.9)
SENSITIVE = Assay(True, "")
BLIND = Assay(False, "blind")
PROVENANCE = Provenance(
    model="nano",
    weights_sha256="0" * 64,
    judge="scenes",
    prompt_set="scenes",
    num_hand_labels=0,
    carries_over="method",
)


def contrast_of(variant: str, values: Sequence[float], coverage: float = 1.0) -> Contrast:
    differences = {f"p{index:04d}": float(value) for index, value in enumerate(values)}
    return Contrast(variant, "alignment", differences, coverage, (-1, 1), "higher")


def around(mean: float, num_prompts: int = 128, seed: int = 0) -> list[float]:
    """Differences with exactly that mean and a standard deviation near 0.25."""
    noise = np.random.default_rng(seed).choice([-0.25, 0.25], num_prompts)
    return list(np.clip(noise - noise.mean() + mean, -1, 1))


def words(evidence: Evidence, *others: Evidence) -> list[str]:
    pages = {
        str(index): Page(one, FROZEN_WEIGHTS, PROVENANCE)
        for index, one in enumerate([evidence, *others])
    }
    return [verdicts.weights.word for verdicts in decide_report(pages).values()]


def test_holm_written_out() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_equals_stepping_down_by_hand() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        p_values = list(rng.beta(0.3, 3, size=rng.integers(1, 9)))
        rejected = set()
        for rank, index in enumerate(np.argsort(p_values)):
            if p_values[index] > 0.05 / (len(p_values) - rank):
                break
            rejected.add(int(index))
        assert rejected == {i for i, p in enumerate(holm(p_values)) if p <= 0.05}


def test_benjamini_hochberg_equals_stepping_up_by_hand() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        p_values = list(rng.beta(0.3, 3, size=rng.integers(1, 9)))
        ranked = sorted(p_values)
        cuts = [p for k, p in enumerate(ranked, 1) if p <= 0.1 * k / len(ranked)]
        rejected = [p <= max(cuts, default=-1) for p in p_values]
        assert [p <= 0.1 for p in benjamini_hochberg(p_values)] == rejected
    assert benjamini_hochberg([]) == []


def test_argmax_of_two_is_the_t_test() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(0, 1, 30), rng.normal(0.3, 1, 30)
    p_values = argmax_p_values({"first": list(first), "second": list(second)}, None)
    assert p_values is not None
    lead = second - first
    p_value = stats.ttest_1samp(lead, 0, alternative="greater").pvalue
    assert p_values["first"] == pytest.approx(p_value, abs=0.01)
    assert p_values["second"] == pytest.approx(1 - p_value, abs=0.01)
    padded = argmax_p_values({"first": [0.0] * 30, "second": [1.0] * 6 + [0.0] * 24}, (-1, 1))
    expected = stats.ttest_1samp([1] * 6 + [0] * 24 + [1, -1], 0, alternative="greater").pvalue
    assert padded is not None and padded["first"] == pytest.approx(expected, abs=0.005)


def test_argmax_of_many_is_dunnetts_many_to_one_test() -> None:
    # Unpaired with a common spread, so only roughly: both are the maximum of correlated t's.
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(200, 5))
    scores[:, 1] += 0.25
    table = {str(index): list(column) for index, column in enumerate(scores.T)}
    p_values = argmax_p_values(table, None)
    dunnett = stats.dunnett(
        *scores[:, 1:].T, control=scores[:, 0], alternative="greater", random_state=0
    )
    assert p_values is not None
    assert p_values["0"] == pytest.approx(min(dunnett.pvalue), abs=0.03)


def test_argmax_set_always_holds_the_highest_mean() -> None:
    rng = np.random.default_rng(6)
    for size in (8, 40):
        scores = rng.normal(size=(size, 6))
        table = {str(index): list(column) for index, column in enumerate(scores.T)}
        p_values = argmax_p_values(table, None, num_draws=999)
        assert p_values is not None
        assert p_values[str(scores.mean(axis=0).argmax())] > 0.4


def test_argmax_refuses_what_it_can_not_compare() -> None:
    assert argmax_p_values({"a": [0.0] * 7, "b": [1.0] * 7}, (0, 1)) is None
    assert argmax_p_values({"a": [0.0] * 9, "b": [1.0] * 9}, None) is None
    with pytest.raises(ValueError, match="two variants"):
        argmax_p_values({"a": [0.0] * 9}, None)
    with pytest.raises(ValueError, match="same prompts"):
        argmax_p_values({"a": [0.0] * 9, "b": [0.0] * 8}, None)
    with pytest.raises(ValueError, match="NaN"):
        argmax_p_values({"a": [0.0] * 9, "b": [float("nan")] * 9}, None)


@pytest.mark.parametrize(
    ("means", "word"),
    [
        ((-0.3, -0.2), "supported"),
        ((-0.3, 0.0), "inconclusive"),
        ((-0.3, 0.2), "refuted"),
        ((0.0, 0.0), "inconclusive"),
    ],
)
def test_best_by_beating_every_rival(means: tuple[float, float], word: str) -> None:
    contrasts = [contrast_of(str(mean), around(mean)) for mean in means]
    assert words(baseline_best(contrasts, TERMS, SENSITIVE, lead=0.0)) == [word]
    grid = [contrast_of(f"{i}", around(mean, seed=i)) for i, mean in enumerate(means)]
    assert words(best_of_grid(grid, "baseline", TERMS, SENSITIVE)) == [word]


def test_a_lead_is_what_must_be_exceeded() -> None:
    contrasts = [contrast_of("rival", around(-0.1))]
    assert words(baseline_best(contrasts, TERMS, SENSITIVE, lead=0.0)) == ["supported"]
    assert words(baseline_best(contrasts, TERMS, SENSITIVE, lead=0.1)) == ["inconclusive"]


@pytest.mark.parametrize(
    ("means", "word"),
    [
        ((0.0, 0.01), "supported"),
        ((0.0, 0.09), "inconclusive"),
        ((0.0, -0.3), "refuted"),
        ((0.3, 0.0), "refuted"),
    ],
)
def test_no_difference_by_equivalence(means: tuple[float, float], word: str) -> None:
    contrasts = [contrast_of(str(mean), around(mean)) for mean in means]
    evidence = no_difference(contrasts, TERMS, SENSITIVE)
    assert words(evidence) == [word]
    assert evidence.named == ((str(means[0]),) if means[0] else ()) + (
        (str(means[1]),) if means[1] == -0.3 else ()
    )


def test_a_rival_that_was_not_scored_bars_support_but_not_refutation() -> None:
    missing = contrast_of("missing", around(0.0), coverage=0.5)
    worse, better = contrast_of("worse", around(-0.3)), contrast_of("better", around(0.3))
    for rule in (
        lambda rivals: baseline_best(rivals, TERMS, SENSITIVE, 0.0),
        lambda rivals: best_of_grid(rivals, "baseline", TERMS, SENSITIVE),
    ):
        assert words(rule([worse])) == ["supported"]
        assert words(rule([worse, missing])) == ["inconclusive"]
        assert "missing: 50%" in rule([worse, missing]).reason
        assert words(rule([better, missing])) == ["refuted"]
        assert words(rule([missing])) == ["inconclusive"]


def test_without_a_sensitive_judge_nothing_is_decided() -> None:
    for mean in (-0.5, 0.0, 0.5):
        contrasts = [contrast_of("rival", around(mean))]
        for evidence in (
            baseline_best(contrasts, TERMS, BLIND, 0.0),
            no_difference(contrasts, TERMS, BLIND),
            best_of_grid(contrasts, "baseline", TERMS, BLIND),
        ):
            assert words(evidence) == ["inconclusive"]
            assert evidence.reason == "blind"


def test_a_metric_without_a_good_end_has_no_best() -> None:
    contrast = contrast_of("rival", around(0.0))._replace(better=None)
    with pytest.raises(ValueError, match="no variant is best"):
        baseline_best([contrast], TERMS, SENSITIVE, 0.0)
    assert words(no_difference([contrast], TERMS, SENSITIVE)) == ["supported"]


def test_the_report_corrects_over_what_was_asked() -> None:
    close = Evidence("weighed", 0.03, 1.0, "", 128)
    failed = Evidence("inconclusive", 1.0, 1.0, "coverage", 0)
    assert words(close) == ["supported"]
    assert words(close, not_testable("no such layer")) == ["supported", "not_testable"]
    assert words(close, failed) == ["inconclusive", "inconclusive"]


def test_the_design_is_not_testable_on_frozen_weights() -> None:
    page = Page(Evidence("weighed", 0.001, 1.0, "", 128), FROZEN_WEIGHTS, PROVENANCE)
    verdicts = decide_report({"a01": page})["a01"]
    assert (verdicts.weights.word, verdicts.design.word) == ("supported", "not_testable")
    assert "training ablation" in verdicts.design.reason
    assert verdicts.weights.provenance.model == "nano" and verdicts.weights.num_prompts == 128
    trained = page._replace(design=Evidence("weighed", 1.0, 0.002, "", 10))
    assert decide_report({"a01": trained})["a01"].design.word == "refuted"


def test_sub_questions_only_suggest() -> None:
    evidence = {str(p): Evidence("weighed", 1.0, p, "", 64) for p in (0.01, 0.06, 0.2)}
    verdicts = decide_sub_questions(evidence, PROVENANCE)
    assert [v.word for v in verdicts.values()] == ["refuted", "refuted", "inconclusive"]
    assert all(verdict.is_suggestion for verdict in verdicts.values())


def test_a_judge_of_natural_images_needs_hand_labels() -> None:
    assert PROVENANCE.mark == ""
    natural = PROVENANCE.model_copy(update={"prompt_set": "natural"})
    assert "0 labelled images" in natural.mark
    assert natural.model_copy(update={"num_hand_labels": 200}).mark == ""


def test_a_claim_is_read_from_yaml_and_weighed_on_a_score_table(tmp_path: Path) -> None:
    path = tmp_path / "a01.yaml"
    path.write_text(
        "{rule: baseline_best, study: hidden_layer, metric: alignment, phase: screen,\n"
        " rivals: [hidden_layer=-1], swapped: swapped, margin: 0.1, lead: 0,\n"
        " min_coverage: 0.95, rule_changed: 2026-11-22}\n"
    )
    claim = parse(read_yaml(path), Claim, str(path))
    assert claim.rule_changed == date(2026, 11, 22)
    means = {"hidden_layer=-2": 0.9, "hidden_layer=-1": 0.5, "swapped": 0.4}
    evidence = weigh_claim(claim, score_rows(means), "hidden_layer=-2")
    assert words(evidence) == ["supported"]
    assert words(weigh_claim(claim, score_rows(means | {"swapped": 0.9}), "hidden_layer=-2")) == [
        "inconclusive"
    ]
    with pytest.raises(ValueError, match=r"a01.yaml: margin: Input should be greater than 0"):
        parse(read_yaml(path) | {"margin": 0}, Claim, "a01.yaml")


def score_rows(means: Mapping[str, float]) -> list[dict[str, object]]:
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
        for prompt in range(64)
    ]


def test_fieller_is_the_ratio_whose_line_is_not_rejected() -> None:
    rng = np.random.default_rng(0)
    bottom = rng.normal(2, 1, 40)
    top = 0.5 * bottom + rng.normal(0, 0.5, 40)
    interval = fieller_interval(top, bottom, 0.90)
    assert interval is not None
    for end in interval:
        assert stats.ttest_1samp(top - end * bottom, 0).pvalue == pytest.approx(0.10)
    assert fieller_interval(top, bottom - bottom.mean(), 0.90) is None


def placed(arms: Sequence[Mapping[str, float]], margin: float = 0.1) -> Placement:
    distances, floor, ceiling = arms
    return place_distance(distances, floor, ceiling, margin, min_coverage=0.9)


@pytest.mark.parametrize(
    ("position", "place"),
    [(0.0, "at_floor"), (0.5, "between"), (1.0, "at_ceiling"), (1.5, "beyond_ceiling")],
)
def test_a_distance_is_placed_between_floor_and_ceiling(position: float, place: str) -> None:
    rng = np.random.default_rng(0)
    prompts = [f"p{index}" for index in range(128)]
    arms = [
        dict(zip(prompts, 0.05 + level * 0.5 + rng.normal(0, 0.05, 128), strict=True))
        for level in (position, 0.0, 1.0)
    ]
    placement = placed(arms)
    assert placement.place == place
    assert placement.position == pytest.approx(position, abs=0.05)
    similarities = [{prompt: 40 - 30 * value for prompt, value in arm.items()} for arm in arms]
    turned = placed(similarities)
    assert turned[:4] == (placement.place, "", 128, pytest.approx(placement.position))


def test_a_scale_without_length_or_prompts_places_nothing() -> None:
    rng = np.random.default_rng(0)
    same = [{str(i): value for i, value in enumerate(rng.normal(1, 1, 64))} for _ in range(3)]
    assert "told apart" in placed(same).reason
    few = {str(i): float("nan") for i in range(20)} | same[0]
    assert placed([few, {}, few]).place == "inconclusive"
    with pytest.raises(ValueError, match=r"\(0, 0.5\)"):
        placed(same, margin=0.7)
