"""What helps after a failed picture: other words, fewer words, or only another seed."""

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

from zimage_eval.benchmarks.prompts.trial_tables import JudgedTrial
from zimage_eval.benchmarks.shared.drawn_prompts import (
    DrawingRequest,
    PainterAndJudge,
    draw_and_judge,
    encode_default,
)
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.output.observations import Measurement, measurements_of, observation_table
from zimage_eval.prompts.facts import Facts, ObjectFact
from zimage_eval.prompts.scenes.captions import word_caption
from zimage_eval.prompts.scenes.world import NAMES
from zimage_eval.prompts.sets import prompt_seeds
from zimage_eval.statistics.estimates import estimate
from zimage_eval.text.encoder import TextSide

FAILED: Final = "failed_picture"
NEW_SEED: Final = "new_seed"
_MOST_OBJECTS: Final = 2
"""Kinds of objects that a simplified prompt keeps: its first ones, which a relation is about."""
_ATTEMPTS: Final = 20


class Retry(NamedTuple):
    """A failed picture, and the texts that are tried in place of its prompt."""

    judged: JudgedTrial
    texts: dict[str, str]
    """`reworded` and `simplified` -> text; a text that equals the prompt is left out."""
    kept: Facts
    """Facts that the simplified prompt states."""
    failed_seed: int
    new_seed: int

    @property
    def kept_names(self) -> set[str]:
        """Names of the facts that every arm's text states, so that all arms can be compared."""
        names = set()
        for index, fact in enumerate(self.kept.objects):
            names.add(f"shape {index}")
            names |= {f"color {index}"} if fact.color else set()
        names |= {f"relation {index}" for index in range(len(self.kept.relations))}
        is_whole = len(self.kept.objects) == len(self.judged.trial.facts.objects)
        return names | ({"count"} if is_whole else set())


def plan_retries(judged: Sequence[JudgedTrial], number: int, seed: int) -> list[Retry]:
    """Plan retries of failed prompts, chosen at random, each with its first failed seed."""
    rng = random.Random(seed)
    failed = [judged_trial for judged_trial in judged if not all(judged_trial.success.values())]
    return [
        _plan_retry(judged_trial, rng)
        for judged_trial in rng.sample(failed, min(number, len(failed)))
    ]


def _plan_retry(judged_trial: JudgedTrial, rng: random.Random) -> Retry:
    trial, kept = judged_trial.trial, simplify(judged_trial.trial.facts)
    texts = {}
    if all(
        fact.name in NAMES for fact in trial.facts.objects
    ):  # word_caption knows the names of scenes only
        texts = {
            "reworded": reword_facts(trial.text, trial.facts, rng),
            "simplified": trial.text if kept == trial.facts else word_caption(kept, rng, lead=""),
        }
    return Retry(
        judged=judged_trial,
        texts={arm: text for arm, text in texts.items() if text != trial.text},
        kept=kept,
        failed_seed=next(seed for seed, success in judged_trial.success.items() if not success),
        new_seed=prompt_seeds(trial.trial_id, len(judged_trial.held) + 1)[-1],
    )


def reword_facts(text: str, facts: Facts, rng: random.Random) -> str:
    """Word the same facts in the words of scene captions, if possible differently from `text`."""
    for _ in range(_ATTEMPTS):
        caption = word_caption(facts, rng)
        if caption != text:
            return caption
    return text


def simplify(facts: Facts) -> Facts:
    """The first two kinds of objects with colors, numbers and relations, and nothing else."""
    objects = tuple(
        ObjectFact(name=fact.name, color=fact.color, count=fact.count)
        for fact in facts.objects[:_MOST_OBJECTS]
    )
    related = [
        relation
        for relation in facts.relations
        if max(relation.subject, relation.object) < _MOST_OBJECTS
    ]
    return Facts(objects=objects, relations=tuple(related))


def draw_retries(
    retries: Sequence[Retry], text_side: TextSide, spec: ModelSpec, studio: PainterAndJudge
) -> list[Measurement]:
    """Draw every arm: the prompt with a new seed, and other texts with the failed and the new seed.

    Returns:
        Measurements of every arm and of the failed picture itself; the unit is the prompt.
        `kept_facts` is whether the facts hold that the simplified text states too. `all_facts` is
        whether all facts of the prompt hold; simplified texts have none.
    """
    attempts = [
        (entry, arm, text, seed)
        for entry in retries
        for arm, text, seed in (
            (NEW_SEED, entry.judged.trial.text, entry.new_seed),
            *((arm, text, entry.failed_seed) for arm, text in entry.texts.items()),
            *((f"{arm}_new_seed", text, entry.new_seed) for arm, text in entry.texts.items()),
        )
    ]
    encoded = encode_default(text_side, [text for _, _, text, _ in attempts], spec)
    drawings = [
        DrawingRequest(vectors.prompt_embeds, seed, _judged_by(entry, arm))
        for (entry, arm, _, seed), vectors in zip(attempts, encoded, strict=True)
    ]
    measurements = [
        observation
        for entry in retries
        for observation in _observe(entry, FAILED, entry.judged.held[entry.failed_seed])
    ]
    for (entry, arm, _, _), drawn in zip(attempts, draw_and_judge(drawings, studio), strict=True):
        if drawn.held is not None:
            measurements += _observe(entry, arm, drawn.held)
    return measurements


def _judged_by(entry: Retry, arm: str) -> Facts:
    return entry.kept if arm.startswith("simplified") else entry.judged.trial.facts


def _observe(entry: Retry, arm: str, held: dict[str, bool]) -> list[Measurement]:
    kept = all(held[name] for name in sorted(entry.kept_names) if name in held)
    values = {"kept_facts": float(kept)}
    if not arm.startswith("simplified"):
        values["all_facts"] = float(all(held.values()))
    trial = entry.judged.trial
    return measurements_of(
        values, variant=f"retry={arm}", unit=trial.trial_id, category=trial.group
    )


def retry_rows(observations: Sequence[Measurement]) -> dict[str, dict[str, float | None]]:
    """By arm: the share of prompts that are drawn right, and the paired gain over a new seed.

    `fixed` means that all facts of the prompt hold, `kept` that the facts hold which every arm
    states. Texts with the failed seed are compared with the new seed too, because both are one
    more attempt.
    """
    table = observation_table(observations).dropna(subset="value").set_index("unit")
    groups = sorted(table["category"].unique())
    arms = dict(iter(table.groupby(["variant", "metric"])))
    results: dict[str, dict[str, float | None]] = {}
    for (variant, metric), rows in arms.items():
        short = "fixed" if metric == "all_facts" else "kept"
        row = results.setdefault(variant, {})
        share = estimate(rows["value"].tolist(), (0, 1))
        row |= {
            f"{short}_share": share.mean,
            f"{short}_share_low": share.low,
            f"{short}_share_high": share.high,
            f"{short}_num_prompts": share.num_prompts,
        }
        for group in groups:
            outcomes = rows["value"][rows["category"] == group].tolist()
            row[f"{short}_share_{group}"] = sum(outcomes) / len(outcomes) if outcomes else None
        base = arms.get((f"retry={NEW_SEED}", metric), rows[:0])
        gains = rows["value"] - base["value"].reindex(rows.index)
        gain = estimate(gains.dropna().tolist(), (-1, 1))
        row |= {
            f"{short}_gain_over_new_seed": gain.mean,
            f"{short}_gain_over_new_seed_low": gain.low,
            f"{short}_gain_over_new_seed_high": gain.high,
        }
    return results
