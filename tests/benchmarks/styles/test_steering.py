"""Style directions: found, added where they belong, judged apart from the rest."""

import numpy as np
import pytest

from tests.support.fakes.fake_embeddings import entry, prompt
from zimage_eval.benchmarks.styles.directions import fit_directions, steer
from zimage_eval.benchmarks.styles.pairs import split_pairs, styled_pairs
from zimage_eval.benchmarks.styles.steering import steering_rows
from zimage_eval.config.benchmarks import Attribute, StyleVectors
from zimage_eval.output.observations import Measurement
from zimage_eval.prompts.scenes.parsing import parse_caption
from zimage_eval.prompts.sets import Prompt

ATTRIBUTES = {
    "framed": Attribute(kind="style", value="framed", words="in a frame"),
    "striped": Attribute(kind="fill", value="striped", words="with stripes"),
}
PARAMS = StyleVectors(attributes=ATTRIBUTES, num_fitted=4, num_held_out=2, strengths=(1.0,), seed=0)


def test_pairs_differ_in_the_attribute_alone() -> None:
    (pair,) = styled_pairs([prompt("a", "a solid red star on a white background")], ATTRIBUTES, 0)
    plain = parse_caption(pair.plain)
    assert plain is not None
    assert (plain.background, plain.style, plain.objects[0].fill) == (None, None, None)
    assert pair.styled["framed"] == f"{pair.plain} in a frame"
    assert pair.styled["striped"] == pair.plain.replace("red", "striped red")
    assert pair.styled_facts["striped"].objects[0].fill == "striped"


def test_other_texts_get_the_words() -> None:
    facts = prompt("a", "a red star").facts
    cat = Prompt(id="a", category="x", text="My cat, asleep", facts=facts)
    (pair,) = styled_pairs([cat], ATTRIBUTES, 0)
    assert pair.styled["framed"] == "My cat, asleep in a frame"


def test_subjects_are_held_out() -> None:
    pairs = styled_pairs([prompt(str(i), f"a red star{''}") for i in range(6)], ATTRIBUTES, 0)
    fitted, held_out = split_pairs(pairs, PARAMS)
    assert len({p.prompt_id for p in fitted} | {p.prompt_id for p in held_out}) == 6
    with pytest.raises(ValueError, match="num_held_out is 6, but only 5"):
        split_pairs(pairs[:5], PARAMS)


def test_a_planted_direction_comes_back_and_is_added_to_words_alone() -> None:
    rng = np.random.default_rng(0)
    planted = np.zeros(8)
    planted[2] = 5.0
    rows = [rng.normal(size=(3, 8)) for _ in range(10)]
    plain = [entry("a red star", r) for r in rows]
    styled = [entry("the red star", r + planted) for r in rows]
    found = fit_directions(plain, styled)
    np.testing.assert_allclose(found.of_words / found.word_length, planted / 5, atol=1e-6)
    np.testing.assert_allclose(found.after, [planted], atol=1e-5)
    assert found.halves_cosine == pytest.approx(1)
    noise = np.eye(8)[0]
    words = steer(plain[0], found, "words_vector", 2.0, noise) - plain[0].prompt_embeds
    assert (words[:3] == 0).all() and (words[-1] == 0).all()
    assert words[3:6].norm(dim=1).numpy() == pytest.approx(2 * found.word_length, rel=1e-5)
    other = steer(plain[0], found, "random_vector", 2.0, noise) - plain[0].prompt_embeds
    assert other.norm().item() == pytest.approx(words.norm().item(), rel=1e-5)
    after = steer(plain[0], found, "after_vector", 1.0, noise) - plain[0].prompt_embeds
    assert (after[:-1] == 0).all()
    np.testing.assert_allclose(after[-1], planted, atol=1e-5)


def test_gains_are_paired_with_nothing_added_and_with_a_random_vector() -> None:
    variants = {"nothing": 0, "random_vector,strength=1": 0, "words_vector,strength=1": 1}
    seen = [
        Measurement(variant, str(unit), 0, "framed", "has_attribute", float(value))
        for variant, value in variants.items()
        for unit in range(10)
    ]
    rows = steering_rows(seen)
    assert rows["framed,words_vector,strength=1"]["has_attribute_gain"] == 1
    assert rows["all,words_vector,strength=1"]["has_attribute_over_random_low"] > 0  # type: ignore[operator]
    assert "has_attribute_over_random" not in rows["framed,nothing"]
