"""The arms of `plant_strength`: planted answers, their alternatives, and what is compared."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, Final, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from transformers import Qwen2Tokenizer

from calibration.data.scene_prompts import ScenePrompt
from calibration.data.truths import Truths
from calibration.evaluation.evaluate import SamplingSettings
from zimage_eval.config.settings import Settings, override
from zimage_eval.metrics.alignment import alignment, alignment_of_kind
from zimage_eval.metrics.image import sharpness
from zimage_eval.prompts.facts import Facts, RelationFact
from zimage_eval.prompts.scenes.captions import RELATION_WORDS, word_caption
from zimage_eval.prompts.scenes.checking import check_facts, detect_scene
from zimage_eval.prompts.scenes.world import BACKGROUNDS, COLORS, LETTERS, SHAPES
from zimage_eval.text.wordings import word_prompt

Value = TypeVar("Value")
PictureMeasure = Callable[[NDArray[np.uint8], Facts], dict[str, float | None]]
"""A picture and what its prompt states -> numbers by name."""
SETTING_VALUES: Final[Mapping[str, tuple[Any, ...]]] = {
    "hidden_layer": (-1, -2, -3, -4, -5, -6),
    "num_inference_steps": (1, 2, 4, 8, 9, 16, 32),
    "shift": (1.0, 2.0, 3.0, 4.0, 6.0),
    "rope_theta": (64.0, 256.0, 1024.0, 10000.0),
    "guidance_scale": (0.5, 1.0, 2.0, 3.0),
}
"""What a setting is tried at instead of the family's own value: the study's grids and more."""
SCHEDULES: Final = ((2, 4, 8, 16), (1.0, 3.0, 6.0))
"""Steps and shifts that are tried together."""
THINK_BLOCKS: Final = (None, "", "time goes by")
SIZES: Final = ((48, 48), (48, 64), (48, 80), (64, 64), (80, 80), (96, 96))
LENGTHS: Final = (1, 2, 4)
"""Caption lengths, in longest captions that were trained on."""
STYLE_WORDS: Final = ("framed", "dotted")
STACKED: Final[tuple[Literal["above", "below"], ...]] = ("above", "below")


class PlantArm(NamedTuple):
    """Pictures of some prompts by the turbo under some settings."""

    settings: SamplingSettings
    prompts: Sequence[ScenePrompt]
    measure: PictureMeasure


class Series(NamedTuple):
    """One number of every picture of an arm."""

    arm: str
    number: str


class PlantComparison(NamedTuple):
    """A planted answer, and what should do worse if it matters."""

    metric: str
    """Of `zimage_eval.config.metrics.METRICS`; its margin is what matters."""
    better: Sequence[Series]
    worse: Sequence[Series]


Plan = tuple[dict[str, PlantArm], dict[str, PlantComparison]]


def alignment_numbers(image: NDArray[np.uint8], facts: Facts) -> dict[str, float | None]:
    """Share of all facts, of relations and of styles."""
    results = check_facts(image, facts)
    relation, style = (alignment_of_kind(results, kind) for kind in ("relation", "style"))
    return {"alignment": alignment(results), "relation": relation, "style": style}


def object_numbers(image: NDArray[np.uint8], facts: Facts) -> dict[str, float | None]:
    """Whether name and color of the one object hold, its name alone, and the next letter's name."""
    results = {result.kind: result.held for result in check_facts(image, facts)}
    [fact] = facts.objects
    numbers: dict[str, float | None] = {
        "name": float(results["shape"]),
        "name and color": float(results["shape"] and results.get("color", True)),
    }
    if fact.name in LETTERS:
        letter = LETTERS[(LETTERS.index(fact.name) + 1) % len(LETTERS)]
        swapped = Facts(objects=(fact.model_copy(update={"name": letter}),))
        numbers["another name"] = float(check_facts(image, swapped)[0].held)
    return numbers


def unsaid_numbers(image: NDArray[np.uint8], facts: Facts) -> dict[str, float | None]:
    """Which color the largest object has, which background and style there is; 1 or 0 of each."""
    scene = detect_scene(image)
    color = scene.objects[0].color if scene.objects else None
    numbers: dict[str, float | None] = {f"color {name}": float(color == name) for name in COLORS}
    numbers |= {f"background {name}": float(scene.background == name) for name in BACKGROUNDS}
    return numbers | {f"style {name}": float(scene.style == name) for name in STYLE_WORDS}


def sharpness_numbers(image: NDArray[np.uint8], facts: Facts) -> dict[str, float | None]:
    """Variance of the Laplacian."""
    return {"sharpness": sharpness(image)}


def setting_arms(truths: Truths, planted: SamplingSettings, prompts: Sequence[ScenePrompt]) -> Plan:
    """Every setting that has a planted value at other values, one at a time."""
    drawn = {"own": PlantArm(planted, prompts, alignment_numbers)}
    compared: dict[str, PlantComparison] = {}

    def compare(truth: str, alternatives: Mapping[str, SamplingSettings]) -> None:
        for name, settings in alternatives.items():
            drawn[name] = PlantArm(settings, prompts, alignment_numbers)
        compared[truth] = _alignments(["own"], list(alternatives))

    for field, values in SETTING_VALUES.items():
        changed = [value for value in values if value != getattr(planted, field)]
        truth = "no guidance at run time" if field == "guidance_scale" else field
        compare(
            truth, {f"{field}={value}": replace(planted, **{field: value}) for value in changed}
        )
    schedules = {
        f"{num} at {shift}": replace(planted, num_inference_steps=num, shift=shift)
        for num, shift in product(*SCHEDULES)
    }
    compare("schedule", {name: arm for name, arm in schedules.items() if arm != planted})
    blocks = [block for block in THINK_BLOCKS if block != planted.think_block]
    formats = {f"think_block={block!r}": replace(planted, think_block=block) for block in blocks}
    formats["no chat template"] = replace(planted, think_block=None, chat_template=False)
    compare("chat_format", formats)
    compare("context_refiner", {"no refiner": replace(planted, skip_refiner=True)})
    sizes = {(size.height, size.width) for size in truths.resolutions}
    named = {f"{h}x{w}": (h, w) for h, w in SIZES if (h, w) != (planted.height, planted.width)}
    for name, (height, width) in named.items():
        settings = replace(planted, height=height, width=width)
        drawn[name] = PlantArm(settings, prompts, alignment_numbers)
    trained = ["own", *(name for name, size in named.items() if size in sizes)]
    compared["resolutions"] = _alignments(trained, [n for n in named if n not in trained])
    return drawn, compared


def length_arms(
    truths: Truths,
    planted: SamplingSettings,
    prompts: Sequence[ScenePrompt],
    settings: Settings,
    fillers: Sequence[str],
    tokenizer: Qwen2Tokenizer,
) -> Plan:
    """Captions filled up with what says nothing, to the longest that was trained, and longer."""
    drawn = {}
    for factor in LENGTHS:
        length = factor * truths.max_caption_tokens
        filler = {"filler_tokens": length, "filler_counts": "caption"}
        changed = override(settings, [(("prompt", key), value) for key, value in filler.items()])
        filled = [
            ScenePrompt(word_prompt(prompt.text, changed, tokenizer, fillers), prompt.facts)
            for prompt in prompts
        ]
        drawn[f"caption of {length} tokens"] = PlantArm(planted, filled, alignment_numbers)
    first, *longer = drawn
    return drawn, {"max_caption_tokens": _alignments([first], longer)}


def concept_arms(truths: Truths, planted: SamplingSettings, objects: Sequence[Facts]) -> Plan:
    """Missing pairs against their neighbors, letters against shapes or another letter's name."""
    drawn, compared = {}, {}
    missing = {(hole.color, hole.name) for hole in truths.holes}
    for hole in truths.holes:
        colors = [c for c in COLORS if (c, hole.name) not in missing]
        names = [n for n in SHAPES if (hole.color, n) not in missing]
        pair = f"{hole.color} {hole.name}"
        arms = {
            pair: [(hole.color, hole.name)],
            f"{hole.name} in other colors": [(color, hole.name) for color in colors],
            f"other shapes in {hole.color}": [(hole.color, name) for name in names],
        }
        for name, pairs in arms.items():
            drawn[name] = _object_arm(planted, objects, pairs)
        first, *neighbors = (Series(name, "name and color") for name in arms)
        compared[f"hole {pair}"] = PlantComparison("all_facts", neighbors, [first])
    named = {"letters": LETTERS, "shapes": SHAPES}
    for name, allowed in named.items():
        drawn[name] = _object_arm(planted, objects, [("red", shape) for shape in allowed])
    if truths.letters:
        shown = [Series("letters", "name")], [Series("letters", "another name")]
    else:
        shown = [Series("shapes", "name")], [Series("letters", "name")]
    compared["letters"] = PlantComparison("fact_shape", *shown)
    return drawn, compared


def default_arms(truths: Truths, planted: SamplingSettings, objects: Sequence[Facts]) -> Plan:
    """What comes unsaid against the other values; and style words against no such words."""
    colorless = [_restate(facts, color=None, background=None, style=None) for facts in objects]
    drawn = {"nothing said": PlantArm(planted, _word(colorless), unsaid_numbers)}
    compared = {}
    for attribute, values in {"color": tuple(COLORS), "background": tuple(BACKGROUNDS)}.items():
        value = getattr(truths.skews, attribute).value
        series = {name: Series("nothing said", f"{attribute} {name}") for name in values}
        expected = [series.pop(value)]
        compared[f"skew {attribute}"] = PlantComparison(
            f"fact_{attribute}", expected, list(series.values())
        )
    for style in STYLE_WORDS:
        styled = [facts.model_copy(update={"style": style}) for facts in colorless]
        drawn[f"{style} said"] = PlantArm(planted, _word(styled), unsaid_numbers)
        number = f"style {style}"
        compared[number] = PlantComparison(
            "fact_style", [Series(f"{style} said", number)], [Series("nothing said", number)]
        )
    return drawn, compared


def word_arms(
    truths: Truths, planted: SamplingSettings, objects: Sequence[Facts], related: Sequence[Facts]
) -> Plan:
    """The quality word against words that mean nothing, and the failing word against others."""
    leads = {word: f"a {word} picture of " for word in (truths.quality_word, *truths.neutral_words)}
    leads["no word"] = "a picture of "
    drawn = {
        f"lead {word}": PlantArm(planted, _word(objects, lead=lead), sharpness_numbers)
        for word, lead in leads.items()
    }
    first, *alternatives = (Series(name, "sharpness") for name in drawn)
    compared = {"quality_word": PlantComparison("sharpness", [first], alternatives)}
    stacked = [
        facts.model_copy(
            update={"relations": (RelationFact(subject=0, relation=relation, object=1),)}
        )
        for facts, relation in zip(related, _cycle(STACKED, len(related)), strict=True)
    ]
    failing = RELATION_WORDS | dict.fromkeys(STACKED, (truths.failing_word,) * 2)
    drawn["usual words"] = PlantArm(planted, _word(stacked), alignment_numbers)
    drawn[truths.failing_word] = PlantArm(
        planted, _word(stacked, relation_words=failing), alignment_numbers
    )
    pair = [Series(name, "relation") for name in ("usual words", truths.failing_word)]
    compared["failing_word"] = PlantComparison("fact_relation", pair[:1], pair[1:])
    return drawn, compared


def _alignments(better: Sequence[str], worse: Sequence[str]) -> PlantComparison:
    series = [[Series(name, "alignment") for name in names] for names in (better, worse)]
    return PlantComparison("alignment", *series)


def _object_arm(
    planted: SamplingSettings, objects: Sequence[Facts], pairs: Sequence[tuple[str, str]]
) -> PlantArm:
    stated = [
        _restate(facts, color=color, name=name)
        for facts, (color, name) in zip(objects, _cycle(pairs, len(objects)), strict=True)
    ]
    return PlantArm(planted, _word(stated), object_numbers)


def _restate(facts: Facts, **changed: str | None) -> Facts:
    """The facts with other ones of the object and the picture."""
    picture = {key: changed.pop(key) for key in list(changed) if key in ("background", "style")}
    objects = tuple(fact.model_copy(update=changed) for fact in facts.objects)
    return facts.model_copy(update={"objects": objects} | picture)


def _word(facts: Sequence[Facts], **how: Any) -> list[ScenePrompt]:  # noqa: ANN401
    """Captions, the i-th always from the same draw, so that arms differ in what is stated alone."""
    return [
        ScenePrompt(word_caption(stated, random.Random(i), **how), stated)
        for i, stated in enumerate(facts)
    ]


def _cycle(values: Sequence[Value], num: int) -> list[Value]:
    return [values[index % len(values)] for index in range(num)]
