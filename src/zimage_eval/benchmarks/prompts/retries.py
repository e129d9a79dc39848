"""What helps where a picture failed: other words, fewer words, or nothing but another seed."""

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

from zimage_eval.benchmarks.prompts.trial_tables import JudgedTrial
from zimage_eval.benchmarks.shared.drawn_prompts import (
    DrawingRequest,
    Painter,
    draw_and_judge,
    encode_default,
)
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.output.observations import Measurement
from zimage_eval.prompts.facts import Facts, ObjectFact
from zimage_eval.prompts.scenes.captions import word_caption
from zimage_eval.prompts.scenes.world import NAMES
from zimage_eval.prompts.sets import prompt_seeds
from zimage_eval.statistics.estimates import estimate
from zimage_eval.text.encoder import TextSide

FAILED: Final = "failed_picture"
NEW_SEED: Final = "new_seed"
WORDINGS: Final = ("reworded", "simplified")
_MOST_OBJECTS: Final = 2
"""Kinds of objects that a simplified prompt keeps: those of its relation come first."""
_ATTEMPTS: Final = 20


class Retry(NamedTuple):
    """A failed picture, and the texts that are tried in place of its prompt."""

    one: JudgedTrial
    texts: dict[str, str]
    """By one of `WORDINGS`; one that would change nothing is left out."""
    kept: Facts
    """What the simplified prompt states."""
    failed_seed: int
    new_seed: int

    @property
    def kept_names(self) -> set[str]:
        """Facts that the simplified prompt states too: the yardstick that is fair to every arm."""
        names = set()
        for index, fact in enumerate(self.kept.objects):
            names.add(f"shape {index}")
            names |= {f"color {index}"} if fact.color else set()
        names |= {f"relation {index}" for index in range(len(self.kept.relations))}
        is_whole = len(self.kept.objects) == len(self.one.trial.facts.objects)
        return names | ({"count"} if is_whole else set())


def plan_retries(judged: Sequence[JudgedTrial], number: int, seed: int) -> list[Retry]:
    """Failed prompts, drawn at random, each with the first of its seeds that failed."""
    rng = random.Random(seed)
    failed = [one for one in judged if not all(one.success.values())]
    return [_plan_retry(one, rng) for one in rng.sample(failed, min(number, len(failed)))]


def _plan_retry(one: JudgedTrial, rng: random.Random) -> Retry:
    trial, kept = one.trial, simplify(one.trial.facts)
    texts = {}
    if all(fact.name in NAMES for fact in trial.facts.objects):  # the words of scenes
        texts = {
            "reworded": reword_facts(trial.text, trial.facts, rng),
            "simplified": trial.text if kept == trial.facts else word_caption(kept, rng, lead=""),
        }
    return Retry(
        one,
        {arm: text for arm, text in texts.items() if text != trial.text},
        kept,
        next(seed for seed, success in one.success.items() if not success),
        prompt_seeds(trial.trial_id, len(one.held) + 1)[-1],
    )


def reword_facts(text: str, facts: Facts, rng: random.Random) -> str:
    """The same facts in the project's usual words, differently from `text` where there is a way."""
    for _ in range(_ATTEMPTS):
        other = word_caption(facts, rng)
        if other != text:
            return other
    return text


def simplify(facts: Facts) -> Facts:
    """At most two kinds of objects with colors, numbers and relation; nothing else is stated."""
    objects = tuple(
        ObjectFact(name=fact.name, color=fact.color, count=fact.count)
        for fact in facts.objects[:_MOST_OBJECTS]
    )
    related = [each for each in facts.relations if max(each.subject, each.object) < _MOST_OBJECTS]
    return Facts(objects=objects, relations=tuple(related))


def retry(
    retries: Sequence[Retry], side: TextSide, spec: ModelSpec, artist: Painter
) -> list[Measurement]:
    """Draw every arm: the prompt with a new seed; other texts with the failed and the new seed.

    Returns:
        `all_facts` of the prompt (none for simplified texts, which do not state them), and
        `kept_facts`, those that the simplified one states too, for every arm and the failed
        picture itself. The unit is the prompt.
    """
    asked = [
        (entry, arm, text, seed)
        for entry in retries
        for arm, text, seed in (
            (NEW_SEED, entry.one.trial.text, entry.new_seed),
            *((arm, text, entry.failed_seed) for arm, text in entry.texts.items()),
            *((f"{arm}_new_seed", text, entry.new_seed) for arm, text in entry.texts.items()),
        )
    ]
    encoded = encode_default(side, [text for _, _, text, _ in asked], spec)
    drawings = [
        DrawingRequest(vectors.prompt_embeds, seed, _judged_by(entry, arm))
        for (entry, arm, _, seed), vectors in zip(asked, encoded, strict=True)
    ]
    found = [
        observation
        for entry in retries
        for observation in _observe(entry, FAILED, entry.one.held[entry.failed_seed])
    ]
    for (entry, arm, _, _), drawn in zip(asked, draw_and_judge(drawings, artist), strict=True):
        if drawn.held is not None:
            found += _observe(entry, arm, drawn.held)
    return found


def _judged_by(entry: Retry, arm: str) -> Facts:
    return entry.kept if arm.startswith("simplified") else entry.one.trial.facts


def _observe(entry: Retry, arm: str, held: dict[str, bool]) -> list[Measurement]:
    kept = all(held[name] for name in sorted(entry.kept_names) if name in held)
    values = {"kept_facts": float(kept)}
    if not arm.startswith("simplified"):
        values["all_facts"] = float(all(held.values()))
    trial = entry.one.trial
    return [
        Measurement(f"retry={arm}", trial.trial_id, 0, trial.group, metric, value)
        for metric, value in values.items()
    ]


def retry_rows(observations: Sequence[Measurement]) -> dict[str, dict[str, float | None]]:
    """By arm, the share of prompts that come out right, and the paired gain over a new seed.

    `fixed` counts all facts of the prompt, `kept` those that every arm states. Texts with the
    failed seed are compared with the new seed too: both are one more attempt.
    """
    values: dict[tuple[str, str], dict[str, float]] = {}
    groups: dict[str, str] = {}
    for seen in observations:
        if seen.value is not None:
            groups[seen.unit] = seen.category
            values.setdefault((seen.variant, seen.metric), {})[seen.unit] = seen.value
    rows: dict[str, dict[str, float | None]] = {}
    for (variant, metric), by_unit in sorted(values.items()):
        short = "fixed" if metric == "all_facts" else "kept"
        row = rows.setdefault(variant, {})
        found = estimate(list(by_unit.values()), (0, 1))
        row |= {
            f"{short}_share": found.mean,
            f"{short}_share_low": found.low,
            f"{short}_share_high": found.high,
            f"{short}_num_prompts": found.num_prompts,
        }
        for group in sorted(set(groups.values())):
            own = [value for unit, value in by_unit.items() if groups[unit] == group]
            row[f"{short}_share_{group}"] = sum(own) / len(own) if own else None
        base = values.get((f"retry={NEW_SEED}", metric), {})
        gains = [value - base[unit] for unit, value in by_unit.items() if unit in base]
        gain = estimate(gains, (-1, 1))
        row |= {
            f"{short}_gain_over_new_seed": gain.mean,
            f"{short}_gain_over_new_seed_low": gain.low,
            f"{short}_gain_over_new_seed_high": gain.high,
        }
    return rows
