"""What a caption's timestep, scale and order do to the transformer, prompt by prompt."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from diffusers import ZImagePipeline

from zimage_eval.benchmarks.conditioning.positions import (
    caption_states,
    guess_positions,
    permutation_arms,
    probe_positions,
    wavelength_row,
)
from zimage_eval.benchmarks.conditioning.probe_inputs import ProbeInput
from zimage_eval.benchmarks.conditioning.timestep import (
    changed_modules,
    cost_by_part,
    module_outputs,
    share_by_part,
    with_kept_refiner,
)
from zimage_eval.config.settings import Settings, override
from zimage_eval.model.folder import max_caption_tokens, padded_length
from zimage_eval.model.transformer import view_transformer
from zimage_eval.output.observations import Measurement
from zimage_eval.sampling.denoising import (
    initial_latents,
    predict_velocity,
    relative_change,
    sample_latents,
)

Sigmas = tuple[float, ...]

ROUNDING = 1e-4
"""Relative changes of a velocity in float32 below this are rounding and the norms' epsilon."""


def timestep_changes(
    pipe: ZImagePipeline, one: ProbeInput, sigmas: Sequence[float], settings: Settings
) -> dict[str, bool]:
    """By module: whether any of its outputs differs between noise levels, on the same noise."""
    latents = initial_latents(pipe, [one.seed], settings.image)
    transformer = pipe.transformer
    run = partial(predict_velocity, transformer, latents, prompt_embeds=[one.prompt_embeds])
    runs = [module_outputs(transformer, partial(run, sigma=sigma)) for sigma in sigmas]
    differences = [changed_modules(runs[0], other) for other in runs[1:]]
    return {name: any(one[name] for one in differences) for name in runs[0]}


def kept_refiner_is_equal(pipe: ZImagePipeline, one: ProbeInput, settings: Settings) -> bool:
    """Whether latents are bit-identical when the context refiner runs once for all steps."""
    latents = initial_latents(pipe, [one.seed], settings.image)
    view = with_kept_refiner(pipe.transformer)
    kept = type(pipe)(**{**pipe.components, "transformer": view})
    own, other = (
        sample_latents(each, [one.prompt_embeds], None, latents, settings).latents
        for each in (pipe, kept)
    )
    return torch.equal(own, other)


def scaled_embeds(embeds: torch.Tensor, scales: Sequence[float]) -> dict[str, torch.Tensor]:
    """Embeddings scaled as a whole, token by token, and in one channel, by name.

    The channels are the strongest (largest mean square) and the middle one by strength.
    """
    order = embeds.float().square().mean(0).argsort()
    channels = {"strongest": int(order[-1]), "median": int(order[len(order) // 2])}
    arms = {}
    for scale in scales:
        arms[f"scale={scale:g}"] = embeds * scale
        for name, channel in channels.items():
            changed = embeds.clone()
            changed[:, channel] *= scale
            arms[f"{name}_channel={scale:g}"] = changed
    powers = torch.arange(len(embeds)) % len(scales)
    by_token = torch.tensor(list(scales), dtype=embeds.dtype)[powers]
    return {**arms, "scale_by_token": embeds * by_token[:, None]}


def observe_velocity(
    pipe: ZImagePipeline,
    inputs: Sequence[ProbeInput],
    sigmas: Sequence[float],
    scales: Sequence[float],
    settings: Settings,
) -> list[Measurement]:
    """Relative change of the velocity, under scaled and under reordered embeddings.

    A replicate is a noise level. The order is one random permutation a prompt.
    """
    rows = []
    transformer = pipe.transformer
    for one in inputs:
        latents = initial_latents(pipe, [one.seed], settings.image)
        embeds = one.prompt_embeds.float()
        generator = torch.Generator().manual_seed(one.seed)
        order = torch.randperm(len(embeds), generator=generator)
        for replicate, sigma in enumerate(sigmas):
            arms = permutation_arms(transformer, latents, sigma, embeds, order)
            reference = arms.pop("own")
            moved = {f"permuted={name}": velocity for name, velocity in arms.items()}
            moved |= {
                name: predict_velocity(transformer, latents, sigma, [changed])
                for name, changed in scaled_embeds(embeds, scales).items()
            }
            rows += [
                Measurement(
                    name,
                    one.prompt_id,
                    replicate,
                    one.category,
                    "velocity_change",
                    relative_change(velocity, reference),
                )
                for name, velocity in moved.items()
            ]
    return rows


def observe_probes(
    pipe: ZImagePipeline,
    inputs: Sequence[ProbeInput],
    token_ids: Sequence[torch.Tensor],
    rope_thetas: Sequence[float],
    settings: Settings,
) -> list[Measurement]:
    """Error in tokens of a position probe, for each held-out prompt (every other one).

    Variants: the text encoder's embeddings; the caption before and after the refiner, the latter
    under each theta of the refiner; the same with shuffled positions; and a guess by the token.
    """
    rope = ("rope", "rope_theta"), ("rope", "rope_theta_scope")
    noise = initial_latents(pipe, [0], settings.image)
    states: dict[str, list[np.ndarray]] = {
        "embeddings": [one.prompt_embeds.float().numpy() for one in inputs]
    }
    for theta in rope_thetas:
        changed = override(settings, zip(rope, (theta, "refiner"), strict=True))
        view = view_transformer(pipe.transformer, changed)
        pairs = [caption_states(view, noise, one.prompt_embeds) for one in inputs]
        states["unrefined"] = [before.numpy() for before, _ in pairs]
        states[f"refined,theta={theta:g}"] = [after.numpy() for _, after in pairs]
    errors = {name: probe_positions(all_[::2], all_[1::2]) for name, all_ in states.items()}
    own = f"refined,theta={settings.rope.rope_theta:g}"
    if own in states:
        errors["shuffled"] = probe_positions(states[own][::2], states[own][1::2], shuffle_seed=0)
    ids = [each.numpy() for each in token_ids]
    errors["token_identity"] = guess_positions(ids[::2], ids[1::2])
    return [
        Measurement(f"probe={name}", one.prompt_id, 0, one.category, "position_error", error)
        for name, found in errors.items()
        for one, error in zip(inputs[1::2], found, strict=True)
    ]


def measure_timestep(
    pipe: ZImagePipeline, one: ProbeInput, settings: Settings
) -> tuple[dict[str, dict[str, float | None]], Sigmas]:
    """By part of the transformer: modules that see the timestep, parameters, operations.

    Returns:
        The rows, and the noise levels that they were measured at: the model's own schedule.
    """
    latents = initial_latents(pipe, [one.seed], settings.image)
    sample = sample_latents(pipe, [one.prompt_embeds], None, latents, settings)
    sigmas = sample.sigmas[:-1]
    transformer = pipe.transformer
    seen = share_by_part(timestep_changes(pipe, one, sigmas, settings))
    costs = cost_by_part(
        transformer, lambda: predict_velocity(transformer, latents, sigmas[0], [one.prompt_embeds])
    )
    rows: dict[str, dict[str, float | None]] = {
        f"part={name}": {**cost, **seen.get(name, {})} for name, cost in costs.items()
    }
    rows["kept_refiner"] = {
        "equal_latents": float(kept_refiner_is_equal(pipe, one, settings)),
        "num_steps": len(sigmas),
    }
    return rows, sigmas


def measure_sizes(
    pipe: ZImagePipeline, inputs: Sequence[ProbeInput]
) -> dict[str, dict[str, float | None]]:
    """Mean squares of embeddings beside the epsilon that the caption's RMSNorm adds to them.

    Scale drops out where the epsilon is small against the mean square.
    """
    squares = torch.cat([one.prompt_embeds.double().square().mean(-1) for one in inputs])
    sizes = {
        "smallest_mean_square": float(squares.min()),
        "largest_mean_square": float(squares.max()),
    }
    return {"embeddings": {**sizes, "norm_eps": pipe.transformer.config.norm_eps}}


def measure_wavelengths(
    pipe: ZImagePipeline, thetas: Sequence[float], lengths: Sequence[int], settings: Settings
) -> dict[str, dict[str, float | None]]:
    """Wavelengths of every axis under every theta, in positions, and what captions make of them."""
    embedder = pipe.transformer.rope_embedder
    caption = [max(padded_length(length) for length in lengths), max_caption_tokens(settings.rope)]
    side = max(settings.image.height, settings.image.width) // (pipe.vae_scale_factor * 2)
    rows: dict[str, dict[str, float | None]] = {}
    for theta in thetas:
        for axis, channels in enumerate(embedder.axes_dims):
            numbers = caption if axis == 0 else [side]
            rows[f"theta={theta:g},axis={axis}"] = dict(wavelength_row(channels, theta, numbers))
    return rows


def conditioning_checks(rows: dict[str, dict[str, float | None]]) -> dict[str, float | None]:
    """What was found, as statements that hold (1) or not (0)."""

    def value(row: str, metric: str) -> float:
        found = rows[row][metric]
        assert found is not None, (row, metric)
        return found

    change = "velocity_change"
    largest = f"{change}_largest"
    seen = {name[5:]: row for name, row in rows.items() if name.startswith("part=")}
    whole = [name for name in rows if name.startswith("scale")]
    channel = [name for name in rows if name.startswith("strongest_channel=")]
    checks = {
        "context_refiner_sees_no_timestep": seen["context_refiner"]["num_see_timestep"] == 0,
        "caption_embedder_sees_no_timestep": seen["cap_embedder"]["num_see_timestep"] == 0,
        "layers_see_timestep": value("part=layers", "num_see_timestep") > 0,
        "noise_refiner_sees_timestep": value("part=noise_refiner", "num_see_timestep") > 0,
        "refiner_run_once_a_prompt_gives_equal_latents": rows["kept_refiner"]["equal_latents"] == 1,
        "scaling_embeddings_changes_nothing_but_rounding": all(
            value(name, largest) < ROUNDING for name in whole
        ),
        "scaling_one_channel_changes_velocity": any(
            value(name, change) > 100 * ROUNDING for name in channel
        ),
        "tokens_with_their_positions_can_be_reordered": value(
            "permuted=tokens_and_positions", largest
        )
        < ROUNDING,
        "order_of_tokens_changes_velocity": value("permuted=tokens", change) > 100 * ROUNDING,
        "order_of_positions_changes_velocity": value("permuted=positions", change) > 100 * ROUNDING,
        "order_of_refined_tokens_changes_velocity": value("permuted=refined_tokens", change)
        > 100 * ROUNDING,
    }
    return {name: float(holds) for name, holds in checks.items()}
