"""Wavelengths against diffusers' own table, permutations, and probes with known answers."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ZImageTransformer2DModel

from zimage_eval.benchmarks.conditioning.effects import scaled_embeds
from zimage_eval.benchmarks.conditioning.positions import (
    caption_states,
    guess_positions,
    permutation_arms,
    probe_positions,
    wavelength_row,
    wavelengths,
)
from zimage_eval.model.rope import rotations
from zimage_eval.sampling.denoising import predict_velocity, relative_change

LATENTS = torch.randn(1, 16, 6, 4, generator=torch.Generator().manual_seed(0))
CAPTION = torch.randn(20, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def transformer(tiny_folder: Path) -> ZImageTransformer2DModel:
    return ZImageTransformer2DModel.from_pretrained(tiny_folder, subfolder="transformer")


@pytest.mark.parametrize("theta", [256.0, 1e6])
def test_wavelengths_are_those_of_the_table(theta: float) -> None:
    angles = rotations(32, 2, theta, 1.0)[1].angle()
    expected = 2 * math.pi / angles.double()
    assert wavelengths(32, theta) == pytest.approx(expected.tolist(), rel=1e-5)


def test_a_caption_at_the_limit_is_longer_than_the_slowest_turn_of_theta_256() -> None:
    row = wavelength_row(32, 256.0, [32, 1504])
    assert row["longest"] == pytest.approx(2 * math.pi * 256 ** (15 / 16))
    assert row["turns_of_longest_in_1504"] > 1
    assert row["full_turn_bands_in_1504"] == 16
    assert row["positions_within_longest_of_1504"] == math.floor(row["longest"])
    assert row["positions_within_longest_of_32"] == 32
    assert wavelength_row(32, 1e6, [1504])["turns_of_longest_in_1504"] < 0.001


def test_tokens_may_be_reordered_with_their_positions_only(
    transformer: ZImageTransformer2DModel,
) -> None:
    order = torch.randperm(20, generator=torch.Generator().manual_seed(2))
    arms = permutation_arms(transformer, LATENTS, 0.5, CAPTION, order)
    own = predict_velocity(transformer, LATENTS, 0.5, [CAPTION])
    assert torch.equal(arms.pop("own"), own)
    assert relative_change(arms.pop("tokens_and_positions"), own) < 1e-5
    for name, velocity in arms.items():
        assert relative_change(velocity, own) > 1e-4, name
    assert torch.equal(predict_velocity(transformer, LATENTS, 0.5, [CAPTION]), own)


def test_states_are_those_around_the_refiner(transformer: ZImageTransformer2DModel) -> None:
    before, after = caption_states(transformer, LATENTS, CAPTION)
    with torch.no_grad():
        assert torch.equal(before, transformer.cap_embedder(CAPTION))
    assert before.shape == after.shape == (20, 32)
    assert not torch.equal(before, after)


def test_a_scale_is_undone_and_a_channel_is_not(transformer: ZImageTransformer2DModel) -> None:
    own = predict_velocity(transformer, LATENTS, 0.5, [CAPTION])
    for name, embeds in scaled_embeds(CAPTION, [0.5, 10.0]).items():
        change = relative_change(predict_velocity(transformer, LATENTS, 0.5, [embeds]), own)
        assert (change < 1e-4) == name.startswith("scale"), (name, change)


def made_up_states(*, with_position: bool) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    states = [generator.normal(size=(12, 6)) for _ in range(40)]
    for one in states:
        one[:, 2] += np.arange(12) * with_position * 10
    return states


def test_a_probe_finds_positions_that_are_there_and_no_others() -> None:
    there, absent = made_up_states(with_position=True), made_up_states(with_position=False)
    assert np.mean(probe_positions(there[:20], there[20:])) < 0.2
    chance = np.abs(np.arange(12) - 5.5).mean()
    assert np.mean(probe_positions(absent[:20], absent[20:])) == pytest.approx(chance, rel=0.1)
    shuffled = probe_positions(there[:20], there[20:], shuffle_seed=0)
    assert np.mean(shuffled) == pytest.approx(chance, rel=0.1)


def test_a_guess_by_the_token_is_its_mean_position() -> None:
    train = [np.array([7, 8, 9]), np.array([8, 7, 9])]
    assert guess_positions(train, [np.array([9, 7])]) == [pytest.approx((2 + 0.5) / 2)]
    assert guess_positions(train, [np.array([1])]) == [pytest.approx(1.0)]  # unknown: the mean
