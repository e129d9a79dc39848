"""Score tables of compared models -> one observation a prompt, seed and metric."""

from collections.abc import Mapping, Sequence
from typing import Final

from zimage_eval.benchmarks.comparison.prompts import REASONING_ARMS, AskedPrompt
from zimage_eval.config.kinds import FACT_KINDS
from zimage_eval.output.observations import Measurement
from zimage_eval.output.tables import SWAPPED_PROMPTS, TableRow
from zimage_eval.prompts.facts import Facts

SHARES: Final = ("alignment", "all_facts", *(f"fact_{kind}" for kind in FACT_KINDS))
"""Shares of a prompt's facts."""
COMPARED: Final = (*SHARES, "clip_score", "seed_diversity", "num_forwards")
"""The metrics of single pictures that models are compared by."""
STYLE_WORD: Final = "style_word"
"""Metric of the categories `word <w>`: whether a picture shows a style word that was asked for."""
STYLE_KINDS: Final = ("style", "fill", "background")
FACT_BINS: Final[Mapping[str, range]] = {
    "up to 4 facts": range(1, 5),
    "5 or 6 facts": range(5, 7),
    "7 facts and more": range(7, 1000),
}


def swapped_name(model: str) -> str:
    """Variant of a model's pictures as other prompts judge them."""
    return f"{model}, {SWAPPED_PROMPTS}"


def observe_scores(
    model: str, rows: Sequence[TableRow], prompts: Mapping[str, AskedPrompt]
) -> list[Measurement]:
    """What the score table says, by the prompts' categories and by their number of facts.

    A picture that failed has no value; what a prompt does not ask for is no observation.

    Args:
        model: its name.
        rows: of its score table.
        prompts: by id.
    """
    found = []
    for row in rows:
        prompt = prompts[row["prompt_id"]]
        is_swapped = row["variant"] == SWAPPED_PROMPTS
        if is_swapped and prompt.is_capability:
            continue  # one assay is enough
        variant = swapped_name(model) if is_swapped else model
        for metric in SHARES[:2] if is_swapped else COMPARED:
            value = row.get(metric)
            if value is None and not (row["error"] and metric in SHARES[:2]):
                continue
            one = Measurement(variant, prompt.scene, row["seed"], prompt.category, metric, value)
            found.append(one)
            if metric == "alignment" and not is_swapped and not prompt.is_capability:
                found.append(one._replace(category=fact_bin(prompt.facts)))
    return found


def observe_styles(
    model: str, facts: Sequence[TableRow], prompts: Mapping[str, AskedPrompt]
) -> list[Measurement]:
    """Whether each style word that a prompt says is seen: of medium, fill and background.

    Prompts that only hint at what they ask for are left out.

    Args:
        model: its name.
        facts: of its table of judged facts.
        prompts: by id.
    """
    seen: dict[tuple[str, int, str], list[bool]] = {}
    for row in facts:
        prompt = prompts[row["prompt_id"]]
        word = _style_word(row["fact"], prompt.facts)
        if word is not None and prompt.category not in REASONING_ARMS:
            seen.setdefault((prompt.scene, row["seed"], f"word {word}"), []).append(row["held"])
    return [
        Measurement(model, scene, seed, category, STYLE_WORD, sum(held) / len(held))
        for (scene, seed, category), held in seen.items()
    ]


def num_facts(facts: Facts) -> int:
    """How many facts a prompt states, as the scene checker counts them."""
    attributes = ("name", "color", "size", "fill", "position")
    stated = sum(getattr(fact, name) is not None for fact in facts.objects for name in attributes)
    whole = sum(value is not None for value in (facts.background, facts.style))
    return stated + len(facts.relations) + whole + 1  # how many there are in all is one


def fact_bin(facts: Facts) -> str:
    """The bin that the prompt's number of facts falls into."""
    return next(name for name, numbers in FACT_BINS.items() if num_facts(facts) in numbers)


def _style_word(fact: str, facts: Facts) -> str | None:
    kind, _, index = fact.partition(" ")
    if kind not in STYLE_KINDS:
        return None
    word: str | None = getattr(facts.objects[int(index)] if index else facts, kind)
    return word
