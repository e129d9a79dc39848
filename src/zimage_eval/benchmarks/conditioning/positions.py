"""Whether the positions of a caption's tokens reach the transformer and matter to it."""

import math
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import torch
from diffusers import ZImageTransformer2DModel
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from zimage_eval.model.captions import CaptionLayout, lay_out_captions
from zimage_eval.sampling.denoising import predict_velocity

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge penalties of the position probe, for channels of variance 1."""
NUM_FOLDS = 4


def wavelengths(channels: int, theta: float) -> list[float]:
    """The wavelength of each of `channels / 2` bands in positions, shortest first."""
    return [2 * math.pi * theta ** (i / channels) for i in range(0, channels, 2)]


def wavelength_row(channels: int, theta: float, positions: Sequence[int]) -> dict[str, float]:
    """Shortest and longest wavelength, and the turns that sequences of given lengths make.

    For each number of positions: how many bands make a full turn, and how many turns the slowest
    band makes. A band that makes less than one turn tells all these positions apart by itself.
    """
    lengths = wavelengths(channels, theta)
    row = {"num_bands": float(len(lengths)), "shortest": lengths[0], "longest": lengths[-1]}
    for number in positions:
        row[f"full_turn_bands_in_{number}"] = float(sum(length <= number for length in lengths))
        row[f"turns_of_longest_in_{number}"] = number / lengths[-1]
        row[f"positions_within_longest_of_{number}"] = float(min(number, math.floor(lengths[-1])))
    return row


def permutation_arms(
    transformer: ZImageTransformer2DModel,
    latents: torch.Tensor,
    sigma: float,
    embeds: torch.Tensor,
    order: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Velocities with a caption's tokens, their positions, or both in another order; by name.

    `refined_tokens` reorders tokens after the context refiner, where attention no longer runs
    within the caption alone. `own` changes nothing.
    """
    moved = lay_out_captions(transformer, CaptionLayout(order=order))
    plain = lay_out_captions(transformer, CaptionLayout())
    arms = {
        "own": predict_velocity(plain, latents, sigma, [embeds]),
        "tokens": predict_velocity(plain, latents, sigma, [embeds[order]]),
        "positions": predict_velocity(moved, latents, sigma, [embeds]),
        "tokens_and_positions": predict_velocity(moved, latents, sigma, [embeds[order]]),
    }

    def reorder(module: object, args: object, output: torch.Tensor) -> torch.Tensor:
        return torch.cat([output[:, order.to(output.device)], output[:, len(order) :]], dim=1)

    with ExitStack() as stack:
        handle = transformer.context_refiner[-1].register_forward_hook(reorder)
        stack.callback(handle.remove)
        arms["refined_tokens"] = predict_velocity(plain, latents, sigma, [embeds])
    return arms


def caption_states(
    transformer: ZImageTransformer2DModel, latents: torch.Tensor, embeds: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """A caption before and after the context refiner, `(num_tokens, dim)` each, pads left out."""
    states: list[torch.Tensor] = []
    first_handle = transformer.context_refiner[0].register_forward_pre_hook(
        lambda _, args: states.append(args[0][0, : len(embeds)].float().cpu())
    )
    last_handle = transformer.context_refiner[-1].register_forward_hook(
        lambda _, __, output: states.append(output[0, : len(embeds)].float().cpu())
    )
    try:
        predict_velocity(transformer, latents, 0.5, [embeds])
    finally:
        first_handle.remove()
        last_handle.remove()
    return states[0], states[1]


def probe_positions(
    train: Sequence[np.ndarray], test: Sequence[np.ndarray], *, shuffle_seed: int | None = None
) -> list[float]:
    """The mean error of a ridge probe that predicts a token's position, per held-out prompt.

    The penalty is the one of `PENALTIES` with the smallest error in a cross-validation over the
    training prompts.

    Args:
        train: `(num_tokens, dim)` per prompt, in the order of the tokens.
        test: the same for other prompts.
        shuffle_seed: seed to shuffle the positions within each training prompt; None to keep them.

    Returns:
        One error per prompt of `test`, in tokens.
    """
    train, test = ([states.astype(np.float64) for states in part] for part in (train, test))
    targets = [np.arange(len(states), dtype=np.float64) for states in train]
    if shuffle_seed is not None:
        generator = np.random.default_rng(shuffle_seed)
        targets = [generator.permutation(target) for target in targets]
    held_out = {penalty: 0.0 for penalty in PENALTIES}
    for fold in range(NUM_FOLDS):
        kept = [index for index in range(len(train)) if index % NUM_FOLDS != fold]
        fitted = _fit([train[index] for index in kept], [targets[index] for index in kept])
        for index in range(fold, len(train), NUM_FOLDS):
            for penalty, probe in fitted.items():
                held_out[penalty] += _error(probe, train[index], targets[index])
    probe = _fit(train, targets)[min(PENALTIES, key=lambda penalty: held_out[penalty])]
    return [_error(probe, states, np.arange(len(states))) for states in test]


def _fit(train: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> dict[float, Pipeline]:
    """A ridge regression per penalty, on channels scaled to variance 1."""
    states, target = np.concatenate(train), np.concatenate(targets)
    return {
        penalty: make_pipeline(StandardScaler(), Ridge(penalty * len(states))).fit(states, target)
        for penalty in PENALTIES
    }


def _error(probe: Pipeline, states: np.ndarray, target: np.ndarray) -> float:
    """Mean distance between predicted and true positions of one prompt, in tokens."""
    return float(np.abs(probe.predict(states) - target).mean())


def guess_positions(train: Sequence[np.ndarray], test: Sequence[np.ndarray]) -> list[float]:
    """The mean error of a guess by the token's identity: its mean position in training prompts.

    An unknown token is guessed at the mean of all positions.

    Args:
        train: token ids `(num_tokens,)` per prompt.
        test: the same for other prompts.

    Returns:
        One error per prompt of `test`, in tokens.
    """
    places: dict[int, list[int]] = {}
    for ids in train:
        for place, token in enumerate(ids.tolist()):
            places.setdefault(token, []).append(place)
    middle = float(np.mean([place for token_places in places.values() for place in token_places]))
    guesses = {token: float(np.mean(token_places)) for token, token_places in places.items()}
    return [
        float(
            np.mean(
                [
                    abs(guesses.get(token, middle) - place)
                    for place, token in enumerate(ids.tolist())
                ]
            )
        )
        for ids in test
    ]
