"""Layers and refiner are described by what was planted in them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ZImageTransformer2DModel

from tests.support.projects.default_settings import make_settings
from zimage_eval.benchmarks.layers.analysis import (
    BAG_OF_WORDS,
    LayerPrompt,
    all_layers,
    describe_layers,
    encode_prompt_layers,
    pooled_statistics,
    probe_layers,
)
from zimage_eval.benchmarks.layers.embedding_labels import rows_with_common_label
from zimage_eval.benchmarks.refiner.analysis import (
    RefinedCaption,
    attention_weights,
    describe_attention,
    describe_refinement,
    map_results,
    refine_prompt,
)
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.metrics.embedding import TokenVectors
from zimage_eval.model.captions import EmbeddedCaption, embed_caption, refine
from zimage_eval.model.transformer import load_image_side
from zimage_eval.output.observations import Measurement, mean_rows
from zimage_eval.prompts.facts import Facts, ObjectFact
from zimage_eval.statistics.components import outlier_channels, principal_components
from zimage_eval.statistics.held_out import (
    bag_of_words,
    majority_share,
    probe_held_out,
)
from zimage_eval.statistics.linear_maps import explained_share, fit_linear
from zimage_eval.text.encoder import TextSide, load_text_side
from zimage_eval.text.encoding import encode_layers
from zimage_eval.text.tokens import tokenize

FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")
ENCODER = make_settings(max_sequence_length=64).encoder
COLORS = ("red", "green", "blue", "yellow")


@pytest.fixture(scope="module")
def side(tiny_folder: Path) -> TextSide:
    return load_text_side(tiny_folder, FLOAT32, torch.device("cpu"))


@pytest.fixture(scope="module")
def transformer(tiny_folder: Path) -> ZImageTransformer2DModel:
    return load_image_side(tiny_folder, FLOAT32, torch.device("cpu")).transformer


def asked() -> list[LayerPrompt]:
    return [
        LayerPrompt(
            f"{color}-{shape}-{size}",
            f"a {size} {color} {shape} on a white background",
            Facts(objects=(ObjectFact(name=shape, color=color),)),
        )
        for color in COLORS
        for shape in ("circle", "star")
        for size in ("small", "large")
    ]


def test_a_linear_map_that_was_planted_has_r_squared_1() -> None:
    rng = torch.Generator().manual_seed(0)
    sources = [torch.randn(20, 6, generator=rng) for _ in range(10)]
    weight = torch.randn(6, 4, generator=rng)
    targets = [one @ weight + 3 for one in sources]
    found = fit_linear(sources[:8], targets[:8])
    share = explained_share(found(torch.cat(sources[8:])), torch.cat(targets[8:]))
    assert share == pytest.approx(1, abs=1e-6)
    noise = [torch.randn(20, 4, generator=rng) for _ in range(10)]
    nothing = fit_linear(sources[:8], noise[:8])
    assert (explained_share(nothing(torch.cat(sources[8:])), torch.cat(noise[8:])) or 0) < 0.1
    assert explained_share(targets[0], targets[0][:1].expand(20, -1)) is None
    assert explained_share(targets[0].mean(0).expand(20, -1), targets[0]) == pytest.approx(0)


def test_components_and_outliers_that_were_planted_are_found() -> None:
    rng = np.random.default_rng(0)
    line = np.outer(rng.standard_normal(50), np.arange(1, 9)) + 7
    shares = principal_components(line).shares
    assert shares[0] == pytest.approx(1) and shares.sum() == pytest.approx(1)
    vectors = rng.standard_normal((200, 8))
    assert outlier_channels(vectors)[0] == 0
    vectors[:, 3] *= 20
    number, share = outlier_channels(vectors)
    assert number == 1 and share == pytest.approx(400 / 407, abs=0.01)
    with pytest.raises(ValueError, match="3 vectors that don't differ"):
        principal_components(np.ones((3, 4)))


def test_probes_find_what_is_linear_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    labels = [COLORS[index % 4] for index in range(80)]
    features = rng.standard_normal((80, 12))
    assert np.mean(probe_held_out(features, labels)) < 0.5
    features[:, :4] += 6 * np.array([[label == one for one in COLORS] for label in labels])
    assert np.mean(probe_held_out(features, labels)) > 0.95
    assert majority_share(labels) == 0.25
    assert rows_with_common_label(["a"] * 4 + ["b"] * 3 + [None], 4) == [0, 1, 2, 3]
    assert bag_of_words(["a b", "B, b"]).tolist() == [[1, 1], [0, 2]]


def test_leaving_one_out_is_what_the_closed_form_says() -> None:
    """A label that only its own prompt tells is not told: no prompt is in its own training."""
    labels = [COLORS[index % 4] for index in range(40)]
    assert np.mean(probe_held_out(np.eye(40), labels)) < 0.5


def test_layers_are_all_described(side: TextSide) -> None:
    prompts = asked()
    layers = all_layers(3)
    assert layers == [-4, -3, -2, "raw_last", -1]
    encoded = encode_prompt_layers(*side, prompts, layers, ENCODER)
    found = mean_rows(describe_layers(prompts, encoded) + probe_layers(prompts, encoded), {"probe"})
    assert found["hidden_layer=-2/content"]["cosine_to_-2"] == 1
    assert found["hidden_layer=-3/content"]["cosine_to_-2"] != 1
    assert found["hidden_layer=-2/content"]["num_units"] == 16
    # one word tells the color, so the words without order do; the relation is in no prompt
    assert found[f"{BAG_OF_WORDS}/color"]["probe"] == 1
    assert found["hidden_layer=-4/color"]["probe"] == 1
    assert found["chance/color"]["probe"] == 0.25
    assert not any(row.endswith("/relation") for row in found)
    pooled = pooled_statistics(encoded, -2, "content")
    assert 0 < (pooled["pca_share_1"] or 0) < (pooled["pca_share_3"] or 0) <= 1


def test_attention_weights_give_back_what_the_attention_gives(
    transformer: ZImageTransformer2DModel,
) -> None:
    block = transformer.context_refiner[0]
    vectors = torch.randn(40, 32, generator=torch.Generator().manual_seed(0))
    caption = embed_caption(transformer, vectors)
    attention, inputs = block.attention, block.attention_norm1(caption.vectors)
    seen: list[torch.Tensor] = []
    handle = attention.to_out[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        attention(inputs, freqs_cis=caption.freqs_cis)
        handle.remove()
        weights = torch.from_numpy(attention_weights(block, caption)).float()
        # values that are the same in all heads make the mean over heads enough to tell
        one_head = torch.randn(64, 16, generator=torch.Generator().manual_seed(1))
        attention_of_same = attention.to_v.forward
        attention.to_v.forward = lambda _: one_head.repeat(1, 2)[None]
        handle = attention.to_out[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        attention(inputs, freqs_cis=caption.freqs_cis)
        handle.remove()
        attention.to_v.forward = attention_of_same
    expected = seen[-1][0].unflatten(-1, (2, -1)).mean(1)
    assert torch.allclose(weights @ one_head, expected, atol=1e-5)
    assert torch.allclose(weights.sum(1), torch.ones(64), atol=1e-5)


def test_a_prompt_is_refined_as_the_transformer_refines_it(
    side: TextSide, transformer: ZImageTransformer2DModel
) -> None:
    [text] = encode_layers(side.text_encoder, tokenize(side.tokenizer, "a red star", ENCODER), [-2])
    found = refine_prompt(transformer, "p", text)
    x = embed_caption(transformer, text.prompt_embeds)
    refined = refine(transformer.context_refiner[0], EmbeddedCaption(x.vectors, x.freqs_cis))
    assert np.array_equal(found.after.vectors, refined[0].numpy())
    assert (found.before.classes == "pad").sum() == 32 - len(text.tokens)
    rows = mean_rows(describe_refinement([found]) + describe_attention([found]), set())
    assert rows["refined/pad"]["variance_ratio"] is None
    assert rows["even/content"]["attention_entropy"] == pytest.approx(1)
    for token_class in ("template", "content", "pad"):
        to = [rows[f"block=0/{token_class}"][f"attention_to_{one}"] for one in TO]
        assert sum(value or 0 for value in to) == pytest.approx(1)


TO = ("template", "content", "pad")


def planted(seed: int, turn: np.ndarray | None) -> RefinedCaption:
    rng = np.random.default_rng(seed)
    before = rng.standard_normal((16, 8)).astype(np.float32)
    delta = before @ turn if turn is not None else rng.standard_normal((16, 8))
    tokens, ids = ["<|im_start|>", "user", "x", *["w"] * 13], np.arange(16)
    return RefinedCaption(
        f"p{seed}",
        TokenVectors(tokens, ids, before),
        TokenVectors(tokens, ids, (before + delta).astype(np.float32)),
        np.full((1, 16, 16), 1 / 16),
    )


def test_a_refiner_that_is_a_map_is_told_from_one_that_adds_noise() -> None:
    turn = np.random.default_rng(0).standard_normal((8, 8))
    for used, low, high in ((turn, 0.999, 1.0), (None, -0.2, 0.15)):
        captions = [planted(seed, used) for seed in range(40)]
        results, observed = map_results(captions[:30], captions[30:])
        share = results["linear_map/content"]["explained_share"]
        assert share is not None and low <= share <= high
        noise = results["noise/content"]["explained_share"]
        assert noise is not None and -0.2 < noise < 0.15
        assert {row.metric for row in observed} == {"explained_share_of_prompt"}
        assert len({row.unit for row in observed}) == 10


def test_means_are_over_units_and_their_intervals_too() -> None:
    rows = [
        Measurement("v", str(unit), seed, "c", "m", float(unit + seed))
        for unit in range(8)
        for seed in (0, 2)
    ]
    found = mean_rows(rows, set())["v/c"]
    assert found["m"] == pytest.approx(4.5) and found["num_units"] == 8
    assert (found["m_low"] or 0) < 4.5 < (found["m_high"] or 0)
