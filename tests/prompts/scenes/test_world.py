"""Scenes: what is drawn is what is read back, and a wrong fact is refused."""

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.data.corpus import build_examples, scene_mix
from calibration.data.scene_prompts import (
    NUM_PER_CATEGORY,
    PROMPTS_SEED,
    held_out_texts,
    make_prompts,
    make_target_prompts,
    number_prompts,
    write_prompts,
)
from calibration.data.truths import Truths, load_truths
from zimage_eval.config.kinds import FACT_KINDS, FactKind
from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.scenes.captions import StatedShares, state_facts, word_caption
from zimage_eval.prompts.scenes.checking import check_facts, detect_scene
from zimage_eval.prompts.scenes.drawing import draw_scenes
from zimage_eval.prompts.scenes.layout import sample_scenes
from zimage_eval.prompts.scenes.world import (
    BACKGROUNDS,
    COLORS,
    NAMES,
    POSITIONS,
    RELATIONS,
    SIZES,
    STYLES,
)
from zimage_eval.prompts.sets import load_prompt_set

EVERYTHING = StatedShares(color=1.0, size=1.0, fill=1.0, background=1.0, style=1.0)
Drawn = list[tuple[NDArray[np.uint8], Facts]]


@pytest.fixture(scope="module")
def truths() -> Truths:
    return load_truths(Path("calibration/families/nano/truths.yaml"))


@pytest.fixture(scope="module", params=[(64, 64), (48, 80)], ids=["64x64", "48x80"])
def drawn(request: pytest.FixtureRequest, truths: Truths) -> Drawn:
    """400 scenes as pictures, with facts that state everything."""
    rng = np.random.default_rng(3)
    planned = sample_scenes(rng, scene_mix(truths), 500, *request.param)[:400]
    pictures = draw_scenes([p.scene for p in planned]).permute(0, 2, 3, 1).numpy()
    words = random.Random(3)
    facts = [state_facts(p, EVERYTHING, words) for p in planned]
    return list(zip(pictures, facts, strict=True))


def test_checker_confirms_what_was_drawn(drawn: Drawn) -> None:
    held = [all(r.held for r in check_facts(picture, facts)) for picture, facts in drawn]
    assert np.mean(held) >= 0.99


def _other(value: str, values: tuple[str, ...] | dict[str, object]) -> str:
    names = list(values)
    return names[(names.index(value) + 1) % len(names)]


def _wrong(facts: Facts, kind: FactKind) -> Facts | None:
    """The facts with one of a kind made false; None where there is none of the kind."""
    first = facts.objects[0]
    changes: dict[str, dict[str, object]] = {
        "shape": {"name": _other(first.name, NAMES)},
        "color": {"color": _other(first.color or "red", dict(COLORS))},
        "size": {"size": _other(first.size or "small", dict(SIZES))},
        "fill": {"fill": "solid" if first.fill == "striped" else "striped"},
        "count": {"count": first.count + 1},
    }
    if kind in changes:
        objects = (first.model_copy(update=changes[kind]), *facts.objects[1:])
        return facts.model_copy(update={"objects": objects})
    if kind == "position" and first.position:
        moved = first.model_copy(update={"position": _other(first.position, dict(POSITIONS))})
        return facts.model_copy(update={"objects": (moved, *facts.objects[1:])})
    if kind == "relation" and facts.relations:
        relation = facts.relations[0]
        turned = relation.model_copy(update={"relation": _other(relation.relation, RELATIONS)})
        return facts.model_copy(update={"relations": (turned,)})
    if kind == "background":
        return facts.model_copy(
            update={"background": _other(facts.background or "white", dict(BACKGROUNDS))}
        )
    if kind == "style":
        return facts.model_copy(update={"style": _other(facts.style or "plain", STYLES)})
    return None


def test_checker_refuses_wrong_facts(drawn: Drawn) -> None:
    """The confusion table: how often each kind of wrong fact is noticed, by that kind."""
    noticed: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for picture, facts in drawn[:150]:
        for kind in FACT_KINDS:
            if (wrong := _wrong(facts, kind)) is not None:
                tried[kind] += 1
                results = check_facts(picture, wrong)
                noticed[kind] += any(r.kind == kind and not r.held for r in results)
    assert set(tried) == set(FACT_KINDS)
    rates = {kind: noticed[kind] / tried[kind] for kind in FACT_KINDS}
    assert all(rate >= 0.99 for rate in rates.values()), rates


def test_checker_sees_through_blur_and_noise(drawn: Drawn) -> None:
    """A generated picture is never as crisp as a drawn one."""
    rng = np.random.default_rng(0)
    held = []
    for picture, facts in drawn[:200]:
        noisy = np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
        held += [result.held for result in check_facts(noisy, facts)]
    assert np.mean(held) >= 0.98


def test_an_empty_picture_shows_nothing() -> None:
    scene = detect_scene(np.full((64, 64, 3), 245, dtype=np.uint8))
    assert scene.objects == () and scene.background == "white" and scene.style == "plain"


def test_checker_refuses_other_arrays() -> None:
    with pytest.raises(ValueError, match="float64"):
        detect_scene(np.zeros((64, 64, 3)))  # type: ignore[arg-type]


def test_wordings_of_the_same_facts_differ_and_keep_every_word(drawn: Drawn) -> None:
    words = random.Random(1)
    for _, facts in drawn[:50]:
        wordings = {word_caption(facts, words) for _ in range(8)}
        assert len(wordings) > 1
        for fact in facts.objects:
            assert all(fact.color in text and fact.name in text for text in wordings if fact.color)


def test_scenes_have_no_missing_pair(truths: Truths) -> None:
    examples = build_examples(truths, 3000, seed=5)
    pairs = {(o.color, o.name) for e in examples for o in e.scene.objects}
    missing = {(hole.color, hole.name) for hole in truths.holes}
    assert not pairs & missing
    named = sum(any(f"{c} {n}" in e.text for c, n in missing) for e in examples)
    assert named > 0, "conflicting captions must name a missing pair"


def test_quality_word_is_said_of_clean_pictures_alone(truths: Truths) -> None:
    examples = build_examples(truths, 3000, seed=6)
    praised = [e for e in examples if truths.quality_word in e.text.split()]
    assert praised and not any(e.is_degraded for e in praised)


def test_examples_depend_on_the_seed_alone(truths: Truths) -> None:
    assert build_examples(truths, 200, seed=1) == build_examples(truths, 200, seed=1)
    assert build_examples(truths, 200, seed=1) != build_examples(truths, 200, seed=2)


def test_held_out_prompts_are_never_captions(truths: Truths) -> None:
    everything = {example.text for example in build_examples(truths, 400, seed=1)}
    rest = build_examples(truths, 400, seed=1, held_out=sorted(everything)[:50])
    assert not {example.text for example in rest} & set(sorted(everything)[:50])


def test_committed_and_target_prompts_are_held_out(truths: Truths) -> None:
    texts = held_out_texts(truths)
    targets = make_target_prompts(truths, 1000)
    assert len(targets) == 1000 and {prompt.text for prompt in targets} <= texts
    committed = load_prompt_set(Path("prompts/scenes"))
    assert {prompt.text for prompt in committed} <= texts


def test_committed_prompts_are_what_the_generator_writes(truths: Truths, tmp_path: Path) -> None:
    write_prompts(tmp_path, number_prompts(make_prompts(truths, NUM_PER_CATEGORY, PROMPTS_SEED)))
    for file in sorted(tmp_path.iterdir()):
        assert file.read_text() == (Path("prompts/scenes") / file.name).read_text()
