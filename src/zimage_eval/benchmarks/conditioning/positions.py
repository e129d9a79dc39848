"""Whether a caption's positions reach the transformer and matter to it."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import torch
from diffusers import ZImageTransformer2DModel

from zimage_eval.model.captions import CaptionLayout, lay_out_captions
from zimage_eval.sampling.denoising import predict_velocity
from zimage_eval.statistics.ridge import solve_ridge

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Of the probe, beside channels of variance 1."""
NUM_FOLDS = 4


def wavelengths(channels: int, theta: float) -> list[float]:
    """Positions a full turn takes, for each of `channels / 2` bands, shortest first."""
    return [2 * math.pi * theta ** (i / channels) for i in range(0, channels, 2)]


def wavelength_row(channels: int, theta: float, positions: Sequence[int]) -> dict[str, float]:
    """Shortest and longest wavelength, and what so many positions in a row make of them.

    For each number of positions: bands that make a full turn in it, and turns of the slowest. A
    band with less than one turn tells all those positions apart by itself.
    """
    found = wavelengths(channels, theta)
    row = {"num_bands": float(len(found)), "shortest": found[0], "longest": found[-1]}
    for number in positions:
        row[f"full_turn_bands_in_{number}"] = float(sum(length <= number for length in found))
        row[f"turns_of_longest_in_{number}"] = number / found[-1]
        row[f"positions_within_longest_of_{number}"] = float(min(number, math.floor(found[-1])))
    return row


def permutation_arms(
    transformer: ZImageTransformer2DModel,
    latents: torch.Tensor,
    sigma: float,
    embeds: torch.Tensor,
    order: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Velocities with a caption's tokens and their positions in another order, or one of both.

    `refined_tokens` reorders after the context refiner, where attention no longer reads the
    caption by itself; `own` changes nothing.
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
    seen: list[torch.Tensor] = []
    first = transformer.context_refiner[0].register_forward_pre_hook(
        lambda _, args: seen.append(args[0][0, : len(embeds)].float().cpu())
    )
    last = transformer.context_refiner[-1].register_forward_hook(
        lambda _, __, output: seen.append(output[0, : len(embeds)].float().cpu())
    )
    try:
        predict_velocity(transformer, latents, 0.5, [embeds])
    finally:
        first.remove()
        last.remove()
    return seen[0], seen[1]


def probe_positions(
    train: Sequence[np.ndarray], test: Sequence[np.ndarray], *, shuffle_seed: int | None = None
) -> list[float]:
    """How far off a ridge probe of a token's position is, per held-out prompt, in tokens.

    Its penalty is the one of PENALTIES that does best on training prompts left out in turn.

    Args:
        train: `(num_tokens, dim)` a prompt, in the order of the tokens.
        test: the same of other prompts.
        shuffle_seed: positions of the training prompts are shuffled within each; None for not.
    """
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


class _Probe(NamedTuple):
    center: np.ndarray
    weights: np.ndarray
    middle: float


def _fit(train: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> dict[float, _Probe]:
    """A ridge regression by penalty, on channels brought to variance 1."""
    states, target = np.concatenate(train).astype(np.float64), np.concatenate(targets)
    center, middle = states.mean(axis=0), float(target.mean())
    size = states.std(axis=0) + 1e-12
    deviations = (states - center) / size
    wanted = torch.from_numpy(target - middle)[:, None]
    solved = solve_ridge(torch.from_numpy(deviations), wanted, PENALTIES)
    return {
        penalty: _Probe(center, weights[:, 0].numpy() / size, middle)
        for penalty, weights in zip(PENALTIES, solved, strict=True)
    }


def _error(probe: _Probe, states: np.ndarray, target: np.ndarray) -> float:
    """Mean distance of the guessed positions of one prompt from the true ones, in tokens."""
    guess = (states - probe.center) @ probe.weights + probe.middle
    return float(np.abs(guess - target).mean())


def guess_positions(train: Sequence[np.ndarray], test: Sequence[np.ndarray]) -> list[float]:
    """The same for a guess by the token's identity: its mean position in the training prompts.

    Takes token ids `(num_tokens,)`; an unknown token is guessed at the mean of all.
    """
    places: dict[int, list[int]] = {}
    for ids in train:
        for place, token in enumerate(ids.tolist()):
            places.setdefault(token, []).append(place)
    middle = float(np.mean([place for found in places.values() for place in found]))
    guesses = {token: float(np.mean(found)) for token, found in places.items()}
    return [
        float(np.mean([abs(guesses.get(t, middle) - p) for p, t in enumerate(ids.tolist())]))
        for ids in test
    ]
