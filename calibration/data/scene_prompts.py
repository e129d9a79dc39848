"""Prompts for the scenes world: `python -m calibration.data.scene_prompts` writes prompts/scenes/.

They state what a picture can be checked for, name no missing pair and no calibration word, and are
kept out of the training captions.
"""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from calibration.data.corpus import scene_mix
from calibration.data.truths import Truths, load_truths
from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.scenes.captions import StatedShares, state_facts, word_caption
from zimage_eval.prompts.scenes.layout import CATEGORIES, Category, SceneMix, sample_scenes

NUM_PER_CATEGORY: Final = 176
"""Committed prompts: 16 to screen, 32 to confirm and 128 for the full profile."""
PROMPTS_SEED: Final = 7
_NUM_TARGETS_PER_CATEGORY: Final = 250
_TARGETS_SEED: Final = 8

_SHARES: Final[dict[Category, StatedShares]] = {
    "object": StatedShares(color=1.0, size=0.4, fill=0.3, background=0.7, style=0.25),
    "relation": StatedShares(color=1.0, size=0.2, fill=0.15, background=0.5, style=0.15),
    "count": StatedShares(color=1.0, size=0.3, fill=0.2, background=0.5, style=0.15),
    "composition": StatedShares(color=1.0, size=0.1, fill=0.1, background=0.4, style=0.1),
}


class ScenePrompt(NamedTuple):
    """A prompt and the facts it states."""

    text: str
    facts: Facts


def prompt_mix(truths: Truths, category: Category) -> SceneMix:
    """Scenes of one category, all relations stated. Letters have a study of their own."""
    mix = scene_mix(truths)
    return SceneMix(
        category={category: 1.0},
        relation=1.0 if category == "relation" else 0.4,
        position=mix.position,
        large=mix.large,
        striped=mix.striped,
        style=mix.style,
        letters=(),
        missing=mix.missing,
    )


def make_prompts(
    truths: Truths, num_per_category: int, seed: int
) -> dict[Category, list[ScenePrompt]]:
    """Distinct prompts of every category."""
    numbers, words = np.random.default_rng([seed, 1]), random.Random(seed)
    prompts: dict[Category, list[ScenePrompt]] = {}
    for category in CATEGORIES:
        mix, taken = prompt_mix(truths, category), set[str]()
        prompts[category] = []
        while len(prompts[category]) < num_per_category:
            for planned in sample_scenes(numbers, mix, num_per_category, 64, 64):
                facts = state_facts(planned, _SHARES[category], words)
                text = word_caption(facts, words)
                if text not in taken and len(prompts[category]) < num_per_category:
                    taken.add(text)
                    prompts[category].append(ScenePrompt(text, facts))
    return prompts


def make_target_prompts(truths: Truths, num: int) -> list[ScenePrompt]:
    """At most 1,000 prompts, as many of every category, to measure the training targets on."""
    prompts = make_prompts(truths, _NUM_TARGETS_PER_CATEGORY, _TARGETS_SEED)
    return [prompt for part in prompts.values() for prompt in part[: num // len(CATEGORIES)]]


def held_out_texts(truths: Truths) -> frozenset[str]:
    """Texts of all prompts that training must not see."""
    committed = make_prompts(truths, NUM_PER_CATEGORY, PROMPTS_SEED)
    prompts = [prompt for part in committed.values() for prompt in part]
    prompts += make_target_prompts(truths, len(CATEGORIES) * _NUM_TARGETS_PER_CATEGORY)
    return frozenset(prompt.text for prompt in prompts)


def _plain(facts: Facts) -> dict[str, Any]:
    values = facts.model_dump(exclude_defaults=True, exclude_none=True, mode="json")
    return {key: value for key, value in values.items() if value}


def _entry(prompt_id: str, prompt: ScenePrompt) -> CommentedMap:
    facts = CommentedMap(_plain(prompt.facts))
    facts.fa.set_flow_style()
    return CommentedMap({"id": prompt_id, "text": prompt.text, "facts": facts})


def number_prompts(
    prompts: Mapping[Category, Sequence[ScenePrompt]],
) -> dict[str, dict[str, ScenePrompt]]:
    """The prompts of each category by their ids."""
    return {
        category: {f"{category}-{i:03d}": prompt for i, prompt in enumerate(part)}
        for category, part in prompts.items()
    }


def write_prompts(folder: Path, prompts: Mapping[str, Mapping[str, ScenePrompt]]) -> None:
    """Write one YAML file a category, from its prompts by id."""
    yaml = YAML()
    yaml.width = 160
    folder.mkdir(parents=True, exist_ok=True)
    for category, part in prompts.items():
        entries = [_entry(prompt_id, prompt) for prompt_id, prompt in part.items()]
        with (folder / f"{category}.yaml").open("w", encoding="utf-8", newline="\n") as file:
            yaml.dump(entries, file)


def main() -> None:
    """Write the committed prompts of nano's world."""
    truths = load_truths(Path("calibration/families/nano/truths.yaml"))
    prompts = make_prompts(truths, NUM_PER_CATEGORY, PROMPTS_SEED)
    write_prompts(Path("prompts/scenes"), number_prompts(prompts))


if __name__ == "__main__":
    main()
