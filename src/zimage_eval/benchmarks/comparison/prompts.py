"""What every compared model is asked: a prompt set, and prompts for single capabilities.

Prompts of one scene in other words share its seeds. Where a scene has the wordings `/inferred` and
`/stated`, two more are made of them: the inferred one with the stated one as a plan in the think
block, and with that of another scene, which tells a plan's content from its mere presence.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from zimage_eval.config.model_spec import JudgeName
from zimage_eval.config.params import ComparisonParams
from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.sets import Prompt, load_prompt_set, prompt_seeds, split_phases

INFERRED, STATED, PLANNED, MISPLANNED = "inferred", "stated", "planned", "misplanned"
REASONING_ARMS: Final = (INFERRED, STATED, PLANNED, MISPLANNED)


class AskedPrompt(NamedTuple):
    """A prompt of the comparison."""

    prompt_id: str
    category: str
    text: str
    plan: str | None
    """What stands in the think block after it; None for none."""
    facts: Facts
    seeds: tuple[int, ...]
    is_capability: bool

    @property
    def scene(self) -> str:
        """What its rewordings share."""
        return self.prompt_id.split("/")[0]


def read_prompts(
    folder: Path, entry: ComparisonParams, judge: JudgeName = "none"
) -> tuple[tuple[Prompt, ...], tuple[Prompt, ...]]:
    """The prompt set and the capabilities' prompts, from the folder of all sets.

    Raises:
        ValueError: there is no such set, a prompt is malformed, or a fact is one that the judge
            can't know.
    """
    prompts = load_prompt_set(folder / entry.prompt_set, judge)
    if entry.capabilities is None:
        return prompts, ()
    return prompts, load_prompt_set(folder / entry.capabilities, judge)


def comparison_prompts(
    prompts: Sequence[Prompt], capabilities: Sequence[Prompt], entry: ComparisonParams
) -> list[AskedPrompt]:
    """All prompts with their seeds: an equal share of each category, all of the capabilities.

    Raises:
        ValueError: too few prompts, two of one id, or a wording that has no counterpart.
    """
    chosen = split_phases(prompts, entry.num_prompts, 0).screen
    taken = {prompt.category for prompt in prompts}
    for prompt in capabilities:
        if prompt.category in taken:
            raise ValueError(f"category {prompt.category!r} is in both prompt sets")
    asked = [_asked(prompt, entry.num_seeds, None, False) for prompt in chosen]
    seeds = entry.num_capability_seeds
    asked += [_asked(prompt, seeds, None, True) for prompt in capabilities]
    return asked + [_asked(prompt, seeds, plan, True) for prompt, plan in _planned(capabilities)]


def _planned(capabilities: Sequence[Prompt]) -> list[tuple[Prompt, str]]:
    by_id = {prompt.id: prompt for prompt in capabilities}
    inferred = [prompt for prompt in capabilities if prompt.id.endswith(f"/{INFERRED}")]
    scenes = [prompt.id.removesuffix(f"/{INFERRED}") for prompt in inferred]
    for scene in scenes:
        if f"{scene}/{STATED}" not in by_id:
            raise ValueError(f"prompt {scene}/{INFERRED} has no counterpart {scene}/{STATED}")
    plans = [by_id[f"{scene}/{STATED}"].text for scene in scenes]
    others = plans[len(plans) // 2 :] + plans[: len(plans) // 2]
    made = []
    for arm, written in ((PLANNED, plans), (MISPLANNED, others)):
        for scene, prompt, plan in zip(scenes, inferred, written, strict=True):
            named = {"id": f"{scene}/{arm}", "category": arm}
            made.append((prompt.model_copy(update=named), plan))
    return made


def _asked(prompt: Prompt, num_seeds: int, plan: str | None, is_capability: bool) -> AskedPrompt:
    seeds = prompt_seeds(prompt.id, num_seeds)
    return AskedPrompt(
        prompt.id, prompt.category, prompt.text, plan, prompt.facts, seeds, is_capability
    )
