"""Rotations of scaled and enlarged tables, against closed forms and diffusers' own."""

import math
from pathlib import Path

import pytest
import torch
from diffusers import ZImageTransformer2DModel
from diffusers.models.transformers.transformer_z_image import RopeEmbedder

from tests.support.projects.default_settings import make_settings
from zimage_eval.config.settings import Settings
from zimage_eval.model.rope import axis_thetas, build_rope, rotations
from zimage_eval.model.transformer import view_transformer

CHANNELS = [32, 48, 48]  # Z-Image's
OWN = RopeEmbedder(256.0, CHANNELS, [1536, 512, 512])
EVERY = torch.stack(
    [torch.arange(1, 400), torch.arange(1, 400) % 50, torch.arange(1, 400) % 70], dim=1
)


def rotate(in_refiner: bool = False, **leaves: object) -> torch.Tensor:
    """Rotations at `EVERY` position, `(positions, 64)`: 16 bands of axis 0, then 24 and 24."""
    settings = make_settings(**leaves).rope
    return build_rope(OWN, settings, in_refiner=in_refiner)(EVERY)


@pytest.fixture(scope="module")
def transformer(tiny_folder: Path) -> ZImageTransformer2DModel:
    return ZImageTransformer2DModel.from_pretrained(tiny_folder, subfolder="transformer")


@torch.no_grad()
def predict(model: ZImageTransformer2DModel, length: int = 40) -> torch.Tensor:
    generator = torch.Generator().manual_seed(length)
    latents = [torch.randn((16, 1, 6, 4), generator=generator)]
    caption = [torch.randn((length, 32), generator=generator)]
    return model(latents, torch.tensor([0.3]), caption, return_dict=False)[0][0]


def test_neutral_settings_are_diffusers_rotations_bit_for_bit() -> None:
    assert torch.equal(rotate(), OWN(EVERY))
    assert torch.equal(rotate(in_refiner=True), OWN(EVERY))


def test_a_longer_table_begins_as_the_shorter_one() -> None:
    long = build_rope(OWN, make_settings(table_length=4096).rope, in_refiner=False)
    assert [len(table) for table in long.freqs_cis] == [4096, 512, 512]
    assert torch.equal(long.freqs_cis[0][:1536], OWN.precompute_freqs_cis([32], [1536], 256.0)[0])
    assert torch.equal(long(EVERY), OWN(EVERY))


@pytest.mark.parametrize("scaling", [0.5, 2.0, 3.0])
def test_linear_scaling_divides_positions_of_axis_0_alone(scaling: float) -> None:
    scaled = rotations(32, 300, 256.0, scaling)
    positions = torch.arange(300, dtype=torch.float64) / scaling
    wavelengths = 2 * math.pi * 256.0 ** (torch.arange(16, dtype=torch.float64) / 16)
    turns = positions[:, None] / wavelengths
    expected = torch.polar(torch.ones_like(turns), turns * 2 * math.pi)
    assert torch.allclose(scaled.to(torch.complex128), expected, atol=1e-5)
    if scaling >= 1:
        whole = scaled[:: int(scaling)]
        assert torch.equal(whole, rotations(32, len(whole), 256.0, 1.0))
    changed = rotate(linear_scaling=scaling)
    assert torch.equal(changed[:, 16:], OWN(EVERY)[:, 16:])
    assert not torch.equal(changed[:, 1:16], OWN(EVERY)[:, 1:16])


def test_ntk_scaling_stretches_the_longest_wavelength_of_axis_0_alone() -> None:
    changed = rotate(ntk_scaling=4.0)
    assert torch.equal(changed[:, 16:], OWN(EVERY)[:, 16:])
    assert torch.equal(changed[:, 0], OWN(EVERY)[:, 0])
    slowest = rotations(32, 400, 256.0, 4.0)[1:, 15]  # 4 times as many positions a turn
    assert torch.allclose(changed[:, 15], slowest, atol=1e-5)
    for band in range(1, 15):
        assert not torch.allclose(changed[:, band], rotations(32, 400, 256.0, 4.0)[1:, band])


@pytest.mark.parametrize(
    ("scope", "in_layers", "in_refiner"),
    [
        ("all", (1e4, 1e4, 1e4), (1e4, 1e4, 1e4)),
        ("caption", (1e4, 256.0, 256.0), (1e4, 256.0, 256.0)),
        ("refiner", (256.0, 256.0, 256.0), (1e4, 1e4, 1e4)),
    ],
)
def test_theta_holds_in_its_scope(
    scope: str, in_layers: tuple[float, ...], in_refiner: tuple[float, ...]
) -> None:
    settings = make_settings(rope_theta=1e4, rope_theta_scope=scope).rope
    assert axis_thetas(OWN, settings, in_refiner=False) == in_layers
    assert axis_thetas(OWN, settings, in_refiner=True) == in_refiner


@pytest.mark.parametrize("length", [1, 32, 40, 1504])
def test_a_neutral_view_is_the_transformer_bit_for_bit(
    transformer: ZImageTransformer2DModel, length: int
) -> None:
    before = predict(transformer, length)
    for settings in (make_settings(), make_settings(table_length=2048)):
        assert torch.equal(predict(view_transformer(transformer, settings), length), before)


@pytest.mark.parametrize(
    "settings",
    [
        make_settings(rope_theta=1e4),
        make_settings(rope_theta=1e4, rope_theta_scope="caption"),
        make_settings(linear_scaling=2.0),
        make_settings(ntk_scaling=2.0),
    ],
)
def test_a_view_leaves_the_transformer_as_it_was(
    transformer: ZImageTransformer2DModel, settings: Settings
) -> None:
    before = predict(transformer)
    embedder = transformer.rope_embedder
    assert not torch.equal(predict(view_transformer(transformer, settings)), before)
    assert transformer.rope_embedder is embedder
    assert torch.equal(predict(transformer), before)


def test_theta_of_all_axes_is_a_transformer_built_with_it(
    transformer: ZImageTransformer2DModel,
) -> None:
    other = ZImageTransformer2DModel.from_config({**transformer.config, "rope_theta": 1e4}).eval()
    other.load_state_dict(transformer.state_dict())
    view = view_transformer(transformer, make_settings(rope_theta=1e4))
    assert torch.equal(predict(view), predict(other))
