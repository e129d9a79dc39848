"""Failures: what was planted is named, chance is not, and norms do nothing."""

import numpy as np
import pytest

from tests.support.fakes.fake_embeddings import NORM, entry
from tests.support.fakes.fake_trials import judged_trial, seeded_trial
from zimage_eval.benchmarks.prompts.failure_detectors import (
    STATISTICS,
    chance_row,
    detector_observations,
    detector_rows,
    detector_scores,
    embedding_statistics,
    failed_prompts,
    held_out_distances,
)
from zimage_eval.benchmarks.prompts.failure_patterns import (
    failing_levels,
    level_rows,
    prompt_and_seed,
)
from zimage_eval.benchmarks.prompts.retries import plan_retries, retry_rows, simplify
from zimage_eval.benchmarks.prompts.trials import RELATION_WORD, scene_trials
from zimage_eval.config.benchmarks import Failures, Trials
from zimage_eval.output.observations import Measurement
from zimage_eval.prompts.facts import Facts, ObjectFact, RelationFact
from zimage_eval.prompts.scenes.parsing import parse_caption
from zimage_eval.statistics.held_out import folds
from zimage_eval.text.embeddings import TextEmbeddings

PARAMS = Failures(num_folds=5, num_retried=4, num_scaled=1, scales=(2.0,), seed=0)
PLAN = Trials(
    num_seeds=2,
    relation_words={"below": ("below", "beneath"), "left_of": ("left of",)},
    num_object_pairs=3,
    num_objects=(1, 4),
    prompts_per_number=2,
    seed=0,
)


def test_trials_say_the_same_pairs_with_every_word() -> None:
    trials = scene_trials(PLAN)
    assert len({trial.trial_id for trial in trials}) == len(trials) == 80 + 9 + 4
    words = [trial for trial in trials if trial.group == RELATION_WORD]
    assert [p.text.replace("beneath", "below") for p in words[3:6]] == [p.text for p in words[:3]]
    assert words[0].facts == words[3].facts
    assert parse_caption(words[0].text) == words[0].facts
    assert words[0].facts.objects == words[6].facts.objects


def test_a_word_that_fails_is_named_and_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    judged = [
        seeded_trial(f"{word}{i}", (rng.random(4) < rate).tolist(), RELATION_WORD, word)
        for word, rate in {"over": 0.95, "under": 0.95, "left of": 0.95, "beneath": 0.3}.items()
        for i in range(10)
    ]
    assert failing_levels(level_rows(judged, RELATION_WORD)) == ["relation_word=beneath"]
    same = [
        one._replace(trial=one.trial._replace(level=str(i % 4))) for i, one in enumerate(judged)
    ]
    assert failing_levels(level_rows(same, RELATION_WORD)) == []


def test_prompt_and_seed_failures_are_told_apart() -> None:
    by_prompt = [seeded_trial(str(i), [i % 2 == 0] * 4) for i in range(20)]
    assert prompt_and_seed(by_prompt)["prompt_share_of_variance"] == pytest.approx(1)
    by_seed = [seeded_trial(str(i), [True, False, True, False]) for i in range(20)]
    row = prompt_and_seed(by_seed)
    assert row["prompt_share_of_variance"] == pytest.approx(-1 / 3)
    assert row["prompts_that_fail_with_some_seeds"] == 1


def made_up_prompts(shift: float) -> tuple[list, list[TextEmbeddings]]:
    """Prompts of the same words, every fourth of which fails and is moved in one channel."""
    rng = np.random.default_rng(0)
    judged, encoded = [], []
    for index in range(80):
        failed = index % 4 == 0
        text = " ".join(rng.permutation(["a", "red", "star", "here"]))
        vectors = rng.normal(size=(4, 8))
        vectors[:, 3] += shift * failed
        judged.append(seeded_trial(str(index), [not failed] * 2))
        encoded.append(entry(text, vectors))
    return judged, encoded


def test_planted_anomalies_are_detected_and_without_them_nothing_is() -> None:
    judged, encoded = made_up_prompts(4.0)
    scores = detector_scores(judged, encoded, NORM, PARAMS)
    rows = detector_rows(scores, failed_prompts(judged), 0)
    for name in ("mahalanobis_of_mean", "embedding"):
        assert rows[f"detector={name}"]["auc"] > 0.95  # type: ignore[operator]
        assert rows[f"detector={name}"]["gain_over_bag_of_words_low"] > 0.1  # type: ignore[operator]
    assert chance_row(judged, encoded, NORM, PARAMS)["auc_high"] < 0.8  # type: ignore[operator]
    judged, encoded = made_up_prompts(0.0)
    null = detector_rows(detector_scores(judged, encoded, NORM, PARAMS), failed_prompts(judged), 0)
    assert null["detector=embedding"]["auc_low"] < 0.5  # type: ignore[operator]


def test_mean_rank_of_failed_prompts_is_the_area() -> None:
    judged, encoded = made_up_prompts(1.0)
    scores = detector_scores(judged, encoded, NORM, PARAMS)
    area = detector_rows(scores, failed_prompts(judged), 0)["detector=embedding"]["auc"]
    seen = detector_observations(scores, judged)
    for outcome in ("failed", "succeeded"):
        own = [o.value for o in seen if (o.variant, o.category) == ("detector=embedding", outcome)]
        assert np.mean(own) == pytest.approx(area)  # type: ignore[arg-type]


def test_lengths_of_vectors_change_only_what_is_measured_before_the_norm() -> None:
    vectors = np.random.default_rng(0).normal(size=(4, 8))
    plain, scaled = entry("a red star here", vectors), entry("a red star here", 7 * vectors)
    one, other = embedding_statistics([plain, scaled], NORM)
    same = dict(zip(STATISTICS, np.isclose(one, other, rtol=1e-4), strict=True))
    assert [name for name, is_same in same.items() if not is_same] == ["norm", "least_norm"]
    parts = folds([str(i) for i in range(20)], 5, 0)
    many = [entry("a red star here", v) for v in np.random.default_rng(1).normal(size=(20, 4, 8))]
    larger = [e._replace(prompt_embeds=e.prompt_embeds * 3) for e in many]
    good = np.ones(20, dtype=bool)
    for one, other in zip(
        held_out_distances(many, NORM, good, parts),
        held_out_distances(larger, NORM, good, parts),
        strict=True,
    ):
        assert one == pytest.approx(other, rel=1e-3)


def test_a_simple_prompt_states_two_objects_and_what_relates_them() -> None:
    names = ("star", "ring", "heart")
    facts = Facts(
        objects=tuple(ObjectFact(name=name, color="red", size="small") for name in names),
        relations=(RelationFact(subject=0, relation="above", object=1),),
        background="white",
    )
    kept = simplify(facts)
    assert [fact.name for fact in kept.objects] == ["star", "ring"]
    assert kept.relations == facts.relations
    assert (kept.background, kept.objects[0].size, kept.objects[0].color) == (None, None, "red")


def test_only_failed_prompts_are_retried_with_a_seed_never_used() -> None:
    judged = [seeded_trial(f"p{i}", [i % 2 == 0, True]) for i in range(10)]
    retries = plan_retries(judged, 99, 0)
    assert sorted(entry.judged.trial.trial_id for entry in retries) == [
        "p1",
        "p3",
        "p5",
        "p7",
        "p9",
    ]
    for each in retries:
        assert each.failed_seed == 0
        assert each.new_seed not in each.judged.held
        assert each.texts["reworded"] != each.judged.trial.text
        assert parse_caption(each.texts["reworded"]) == each.judged.trial.facts
        assert "simplified" not in each.texts


def test_gains_of_retries_are_paired_by_prompt() -> None:
    seen = [
        Measurement(f"retry={arm}", str(unit), 0, "prompt_set", "all_facts", float(value))
        for arm, values in {"new_seed": [0, 1] * 5, "reworded": [1, 1] * 5}.items()
        for unit, value in enumerate(values)
    ]
    rows = retry_rows(seen)
    assert rows["retry=reworded"]["fixed_gain_over_new_seed"] == 0.5
    assert rows["retry=new_seed"]["fixed_share_prompt_set"] == 0.5


def test_alignment_of_a_trial_is_the_share_of_its_facts() -> None:
    assert judged_trial("a", "a red star", 0.3).alignment == pytest.approx(0.3)
