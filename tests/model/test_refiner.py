"""The context refiner blended, thinned out, modulated; and untouched where nothing is asked."""

import copy
import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import ZImageTransformer2DModel
from safetensors.torch import load_file, save_file
from torch import nn

from tests.support.projects.default_settings import make_settings
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.model.captions import RefinerFit, embed_caption, refine
from zimage_eval.model.folder import read_limits, unavailable_reason
from zimage_eval.model.refiner import random_delta
from zimage_eval.model.transformer import load_image_side, view_transformer
from zimage_eval.statistics.linear_maps import explained_share

FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")


@pytest.fixture(scope="module")
def transformer() -> ZImageTransformer2DModel:
    """Two refiner blocks, so that dropping one is not dropping all."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = ZImageTransformer2DModel(
            dim=32,
            n_layers=1,
            n_refiner_layers=2,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=8,
            axes_dims=[4, 6, 6],
            axes_lens=[1536, 512, 512],
        )
        nn.init.normal_(model.cap_pad_token)
        nn.init.normal_(model.x_pad_token)
    return model.eval()


@torch.no_grad()
def predict(
    model: ZImageTransformer2DModel,
    lengths: tuple[int, ...] = (20, 9),
    t: float = 0.3,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    latents = [torch.randn((16, 1, 6, 4), generator=generator).to(dtype) for _ in lengths]
    width = model.config.cap_feat_dim
    captions = [torch.randn((length, width), generator=generator).to(dtype) for length in lengths]
    times = torch.full((len(lengths),), t)
    return torch.stack(model(latents, times, captions, return_dict=False)[0])


def with_refiner(
    transformer: ZImageTransformer2DModel, blocks: list[nn.Module]
) -> ZImageTransformer2DModel:
    """diffusers' own forward over other blocks."""
    other = ZImageTransformer2DModel.from_config(transformer.config).eval()
    other.load_state_dict(transformer.state_dict())
    other.context_refiner = nn.ModuleList(blocks)
    return other


@pytest.mark.parametrize("lengths", [(20, 9), (32,), (70, 5)])
def test_neutral_settings_are_the_transformer_bit_for_bit(
    transformer: ZImageTransformer2DModel, lengths: tuple[int, ...]
) -> None:
    view = view_transformer(transformer, make_settings())
    assert torch.equal(predict(view, lengths), predict(transformer, lengths))
    other_way = make_settings(rope_theta_scope="refiner")  # of the same theta
    assert torch.equal(predict(view_transformer(transformer, other_way)), predict(transformer))


def test_neutral_settings_are_bit_identical_in_bfloat16(
    transformer: ZImageTransformer2DModel,
) -> None:
    half = with_refiner(transformer, list(transformer.context_refiner))
    half = copy.deepcopy(half).to(torch.bfloat16)
    view = view_transformer(half, make_settings())
    assert torch.equal(predict(view, dtype=torch.bfloat16), predict(half, dtype=torch.bfloat16))


def test_blend_0_is_no_refiner(transformer: ZImageTransformer2DModel) -> None:
    without = predict(with_refiner(transformer, []))
    assert not torch.equal(without, predict(transformer))
    for leaves in (
        {"refiner_blend": 0.0},
        {"dropped_refiner_layers": [0, 1]},
        {"refiner_attention": False, "refiner_feed_forward": False},
    ):
        view = view_transformer(transformer, make_settings(**leaves))
        assert torch.equal(predict(view), without), leaves


@pytest.mark.parametrize("kept", [0, 1])
def test_a_dropped_layer_is_left_out(transformer: ZImageTransformer2DModel, kept: int) -> None:
    view = view_transformer(transformer, make_settings(dropped_refiner_layers=[1 - kept]))
    other = with_refiner(transformer, [transformer.context_refiner[kept]])
    assert torch.equal(predict(view), predict(other))


@pytest.mark.parametrize("blend", [0.5, 1.25])
@torch.no_grad()
def test_blend_is_linear_between_unrefined_and_refined(
    transformer: ZImageTransformer2DModel, blend: float
) -> None:
    x = torch.randn(2, 32, 32, generator=torch.Generator().manual_seed(3))
    freqs = transformer.rope_embedder(torch.ones(32, 3, dtype=torch.int32)).expand(2, -1, -1)
    refined = x
    for block in transformer.context_refiner:
        refined = block(refined, None, freqs)
    [refiner] = view_transformer(transformer, make_settings(refiner_blend=blend)).context_refiner
    assert torch.allclose(refiner(x, None, freqs), x + blend * (refined - x), atol=1e-6)


@torch.no_grad()
def test_a_branch_switched_off_leaves_the_other(transformer: ZImageTransformer2DModel) -> None:
    x = torch.randn(1, 32, 32, generator=torch.Generator().manual_seed(3))
    freqs = transformer.rope_embedder(torch.ones(32, 3, dtype=torch.int32))[None]
    expected = {"refiner_attention": x, "refiner_feed_forward": x}
    for block in transformer.context_refiner:
        y = expected["refiner_attention"]
        y = y + block.ffn_norm2(block.feed_forward(block.ffn_norm1(y)))
        expected["refiner_attention"] = y
        y = expected["refiner_feed_forward"]
        attended = block.attention(block.attention_norm1(y), freqs_cis=freqs)
        expected["refiner_feed_forward"] = y + block.attention_norm2(attended)
    for leaf, result in expected.items():
        [refiner] = view_transformer(transformer, make_settings(**{leaf: False})).context_refiner
        assert torch.equal(refiner(x, None, freqs), result), leaf


def test_theta_of_the_refiner_alone(transformer: ZImageTransformer2DModel) -> None:
    other = with_refiner(transformer, list(transformer.context_refiner))
    other.rope_embedder.theta = 1e4
    [half] = view_transformer(other, make_settings(rope_theta=1e4)).context_refiner
    half.rope = view_transformer(other, make_settings(rope_theta=1e4)).rope_embedder
    expected = predict(with_refiner(transformer, [half]))
    settings = make_settings(rope_theta=1e4, rope_theta_scope="refiner")
    view = view_transformer(transformer, settings)
    assert torch.equal(predict(view), expected)
    assert not torch.equal(expected, predict(transformer))
    everywhere = view_transformer(transformer, make_settings(rope_theta=1e4))
    assert not torch.equal(expected, predict(everywhere))


def captions_of(num_captions: int, width: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    lengths = [12 + 5 * index for index in range(num_captions)]
    return [torch.randn(length, width, generator=generator) for length in lengths]


@torch.no_grad()
def test_captions_are_embedded_as_diffusers_embeds_them(
    transformer: ZImageTransformer2DModel,
) -> None:
    seen: list[tuple[torch.Tensor, ...]] = []
    view = view_transformer(transformer, make_settings())
    view.context_refiner[0].register_forward_pre_hook(lambda _, args: seen.append(args))
    for caption in captions_of(3, transformer.config.cap_feat_dim):
        embedded = embed_caption(transformer, caption)
        latents = torch.zeros(16, 1, 4, 4)
        view([latents], torch.ones(1), [caption], return_dict=False)
        assert torch.equal(embedded.vectors, seen[-1][0])
        assert torch.equal(embedded.freqs_cis, seen[-1][2])


@torch.no_grad()
def test_a_random_delta_is_as_long_as_the_refiners_own_and_points_elsewhere(
    transformer: ZImageTransformer2DModel,
) -> None:
    [caption, longer] = captions_of(2, transformer.config.cap_feat_dim)
    x = embed_caption(transformer, caption)
    [own] = view_transformer(transformer, make_settings()).context_refiner
    [other] = view_transformer(transformer, make_settings(refiner_delta="random")).context_refiner
    delta, random = refine(own, x) - x.vectors, refine(other, x) - x.vectors
    assert torch.allclose(random.norm(dim=-1), delta.norm(dim=-1), rtol=1e-4)
    cosines = torch.cosine_similarity(random, delta, dim=-1)
    assert cosines.abs().mean() < 0.3
    assert torch.equal(refine(other, x), x.vectors + random_delta(delta))
    y = embed_caption(transformer, longer)  # a direction belongs to the position alone
    another = refine(other, y) - y.vectors
    length = min(random.shape[1], another.shape[1])
    both = torch.cosine_similarity(random[:, :length], another[:, :length], dim=-1)
    assert torch.allclose(both, torch.ones_like(both), atol=1e-4)


@torch.no_grad()
def test_a_linear_refiner_is_found_and_a_bent_one_is_not(
    transformer: ZImageTransformer2DModel,
) -> None:
    class Planted(nn.Module):
        """A refiner that turns and moves every token."""

        def forward(self, x: torch.Tensor, *_: object) -> torch.Tensor:
            turn = torch.randn(32, 32, generator=torch.Generator().manual_seed(6)) / 6
            return x + x @ turn + 0.1

    captions = captions_of(8, transformer.config.cap_feat_dim)
    fit = RefinerFit(captions[1:])
    found = fit.linear_map(transformer, Planted)
    held_out = embed_caption(transformer, captions[0])
    wanted = Planted()(held_out.vectors)
    share = explained_share(found(held_out.vectors)[0], wanted[0])
    assert share is not None and share > 0.999

    settings = make_settings(refiner_delta="linear")
    view = view_transformer(transformer, settings, RefinerFit(captions[1:]))
    [own] = view_transformer(transformer, make_settings()).context_refiner
    [linear] = view.context_refiner
    before = held_out.vectors[0]
    bent = explained_share(refine(linear, held_out)[0] - before, refine(own, held_out)[0] - before)
    assert bent is not None and bent < 0.99
    assert torch.equal(refine(linear, held_out), refine(linear, held_out))
    with pytest.raises(ValueError, match="refiner_delta linear: a map is fitted on a set"):
        view_transformer(transformer, settings)
    with pytest.raises(ValueError, match="fitted on one text or more, got none"):
        view_transformer(transformer, settings, RefinerFit([]))


@pytest.mark.parametrize("delta", ["random", "linear"])
def test_blend_0_leaves_out_what_stands_in_the_refiners_place(
    transformer: ZImageTransformer2DModel, delta: str
) -> None:
    fit = RefinerFit(captions_of(3, transformer.config.cap_feat_dim))
    settings = make_settings(refiner_delta=delta, refiner_blend=0.0)
    view = view_transformer(transformer, settings, fit)
    assert torch.equal(predict(view), predict(with_refiner(transformer, [])))
    full = view_transformer(transformer, make_settings(refiner_delta=delta), fit)
    assert not torch.equal(predict(full), predict(transformer))
    assert not torch.equal(predict(full), predict(view))


def test_views_leave_the_transformer_as_it_was(transformer: ZImageTransformer2DModel) -> None:
    before, keys = predict(transformer), list(transformer.state_dict())
    for leaves in (
        {"refiner_blend": 0.5},
        {"dropped_refiner_layers": [1]},
        {"refiner_attention": False},
        {"refiner_feed_forward": False},
    ):
        assert not torch.equal(
            predict(view_transformer(transformer, make_settings(**leaves))), before
        )
        assert torch.equal(predict(transformer), before)
    assert list(transformer.state_dict()) == keys


@pytest.fixture
def modulated_folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A model whose refiner was trained with the timestep."""
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "modulated"))
    config = folder / "transformer" / "config.json"
    content = json.loads(config.read_text()) | {"context_refiner_modulation": True}
    config.write_text(json.dumps(content))
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    for end in ("weight", "bias"):
        layer = tensors[f"layers.0.adaLN_modulation.0.{end}"]
        tensors[f"context_refiner.0.adaLN_modulation.0.{end}"] = layer.clone()
    save_file(tensors, weights)
    return folder


def test_timestep_is_not_available_where_weights_lack_it(
    tiny_folder: Path, modulated_folder: Path
) -> None:
    settings = make_settings(refiner_timestep=True)
    assert unavailable_reason(read_limits(tiny_folder), settings) is not None
    assert unavailable_reason(read_limits(modulated_folder), settings) is None


@torch.no_grad()
def test_timestep_modulates_the_refiner_where_weights_have_it(
    tiny_folder: Path, modulated_folder: Path
) -> None:
    plain = load_image_side(tiny_folder, FLOAT32, torch.device("cpu")).transformer
    loaded = load_image_side(modulated_folder, FLOAT32, torch.device("cpu")).transformer
    assert torch.equal(predict(loaded), predict(plain))  # diffusers' forward knows nothing of it
    off = view_transformer(loaded, make_settings(refiner_timestep=False))
    assert torch.equal(predict(off), predict(plain))

    seen = []

    class Spy(nn.Module):
        """diffusers' modulated block, given the timestep by hand."""

        def forward(self, x: torch.Tensor, mask: None, freqs: torch.Tensor) -> torch.Tensor:
            block, t = loaded.context_refiner[0], torch.full((2,), 0.3)
            adaln = loaded.t_embedder(t * loaded.t_scale)
            block.modulation = True
            refined = block(x, mask, freqs, adaln)
            block.modulation = False
            seen.append(refined)
            return refined

    by_hand = with_refiner(plain, [Spy()])
    on = view_transformer(loaded, make_settings(refiner_timestep=True))
    assert torch.equal(predict(on), predict(by_hand))
    assert not torch.equal(predict(on), predict(plain))
    assert not torch.equal(predict(on, t=0.9) - predict(plain, t=0.9), predict(on) - predict(plain))
    assert len(seen) == 1


def test_promised_modulation_that_is_missing_is_named(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "empty"))
    config = folder / "transformer" / "config.json"
    config.write_text(
        json.dumps(json.loads(config.read_text()) | {"context_refiner_modulation": True})
    )
    with pytest.raises(ValueError, match=r"lacks .*: 2, such as context_refiner\.0\.adaLN"):
        load_image_side(folder, FLOAT32, torch.device("cpu"))
