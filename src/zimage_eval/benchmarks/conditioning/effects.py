"""Measure what a caption's timestep, scale and token order change in the transformer, by prompt."""

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
"""Relative changes of a float32 velocity below this come from rounding and the norms' epsilon."""


def timestep_changes(
    pipe: ZImagePipeline, probe_input: ProbeInput, sigmas: Sequence[float], settings: Settings
) -> dict[str, bool]:
    """By module: whether any of its outputs differs between noise levels, on the same latents."""
    latents = initial_latents(pipe, [probe_input.seed], settings.image)
    transformer = pipe.transformer
    run = partial(predict_velocity, transformer, latents, prompt_embeds=[probe_input.prompt_embeds])
    runs = [module_outputs(transformer, partial(run, sigma=sigma)) for sigma in sigmas]
    differences = [changed_modules(runs[0], outputs) for outputs in runs[1:]]
    return {name: any(changes[name] for changes in differences) for name in runs[0]}


def kept_refiner_is_equal(
    pipe: ZImagePipeline, probe_input: ProbeInput, settings: Settings
) -> bool:
    """Whether latents stay bit-identical if the context refiner runs once for all steps."""
    latents = initial_latents(pipe, [probe_input.seed], settings.image)
    view = with_kept_refiner(pipe.transformer)
    kept = type(pipe)(**{**pipe.components, "transformer": view})
    latents_each_step, latents_once = (
        sample_latents(pipeline, [probe_input.prompt_embeds], None, latents, settings).latents
        for pipeline in (pipe, kept)
    )
    return torch.equal(latents_each_step, latents_once)


def scaled_embeds(embeds: torch.Tensor, scales: Sequence[float]) -> dict[str, torch.Tensor]:
    """Embeddings scaled as a whole, by another factor per token, and in one channel; by name.

    The channels are the strongest one (largest mean square) and the one of median strength.
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


def measure_velocity(
    pipe: ZImagePipeline,
    inputs: Sequence[ProbeInput],
    sigmas: Sequence[float],
    scales: Sequence[float],
    settings: Settings,
) -> list[Measurement]:
    """Measure the relative change of the velocity if embeddings are scaled or reordered.

    A replicate is a noise level. The order is one random permutation per prompt.
    """
    rows = []
    transformer = pipe.transformer
    for probe_input in inputs:
        latents = initial_latents(pipe, [probe_input.seed], settings.image)
        embeds = probe_input.prompt_embeds.float()
        generator = torch.Generator().manual_seed(probe_input.seed)
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
                    variant=name,
                    unit=probe_input.prompt_id,
                    replicate=replicate,
                    category=probe_input.category,
                    metric="velocity_change",
                    value=relative_change(velocity, reference),
                )
                for name, velocity in moved.items()
            ]
    return rows


def measure_position_probes(
    pipe: ZImagePipeline,
    inputs: Sequence[ProbeInput],
    token_ids: Sequence[torch.Tensor],
    rope_thetas: Sequence[float],
    settings: Settings,
) -> list[Measurement]:
    """Measure the error of a position probe in tokens, for each held-out prompt (every second one).

    The probe reads the text encoder's embeddings, the caption before the refiner, and the caption
    after the refiner under each of its thetas. Controls are shuffled positions, and a guess by the
    token's identity.
    """
    rope = ("rope", "rope_theta"), ("rope", "rope_theta_scope")
    noise = initial_latents(pipe, [0], settings.image)
    states: dict[str, list[np.ndarray]] = {
        "embeddings": [probe_input.prompt_embeds.float().numpy() for probe_input in inputs]
    }
    for theta in rope_thetas:
        changed = override(settings, zip(rope, (theta, "refiner"), strict=True))
        view = view_transformer(pipe.transformer, changed)
        pairs = [caption_states(view, noise, probe_input.prompt_embeds) for probe_input in inputs]
        states["unrefined"] = [before.numpy() for before, _ in pairs]
        states[f"refined,theta={theta:g}"] = [after.numpy() for _, after in pairs]
    errors = {
        name: probe_positions(prompt_states[::2], prompt_states[1::2])
        for name, prompt_states in states.items()
    }
    own_theta = f"refined,theta={settings.rope.rope_theta:g}"
    if own_theta in states:
        errors["shuffled"] = probe_positions(
            states[own_theta][::2], states[own_theta][1::2], shuffle_seed=0
        )
    token_ids_by_prompt = [ids.numpy() for ids in token_ids]
    errors["token_identity"] = guess_positions(token_ids_by_prompt[::2], token_ids_by_prompt[1::2])
    return [
        Measurement(
            variant=f"probe={name}",
            unit=probe_input.prompt_id,
            replicate=0,
            category=probe_input.category,
            metric="position_error",
            value=error,
        )
        for name, prompt_errors in errors.items()
        for probe_input, error in zip(inputs[1::2], prompt_errors, strict=True)
    ]


def measure_timestep(
    pipe: ZImagePipeline, probe_input: ProbeInput, settings: Settings
) -> tuple[dict[str, dict[str, float | None]], Sigmas]:
    """Measure by part of the transformer: modules that see the timestep, parameters, operations.

    Returns:
        The rows, and the noise levels they were measured at, which are the model's own schedule.
    """
    latents = initial_latents(pipe, [probe_input.seed], settings.image)
    sample = sample_latents(pipe, [probe_input.prompt_embeds], None, latents, settings)
    sigmas = sample.sigmas[:-1]
    transformer = pipe.transformer
    shares = share_by_part(timestep_changes(pipe, probe_input, sigmas, settings))
    costs = cost_by_part(
        transformer,
        lambda: predict_velocity(transformer, latents, sigmas[0], [probe_input.prompt_embeds]),
    )
    rows: dict[str, dict[str, float | None]] = {
        f"part={name}": {**cost, **shares.get(name, {})} for name, cost in costs.items()
    }
    rows["kept_refiner"] = {
        "equal_latents": float(kept_refiner_is_equal(pipe, probe_input, settings)),
        "num_steps": len(sigmas),
    }
    return rows, sigmas


def measure_sizes(
    pipe: ZImagePipeline, inputs: Sequence[ProbeInput]
) -> dict[str, dict[str, float | None]]:
    """Measure the mean squares of embeddings, beside the epsilon that the caption's RMSNorm adds.

    The scale of embeddings has no effect if the epsilon is small compared with the mean square.
    """
    squares = torch.cat(
        [probe_input.prompt_embeds.double().square().mean(-1) for probe_input in inputs]
    )
    sizes = {
        "smallest_mean_square": float(squares.min()),
        "largest_mean_square": float(squares.max()),
    }
    return {"embeddings": {**sizes, "norm_eps": pipe.transformer.config.norm_eps}}


def measure_wavelengths(
    pipe: ZImagePipeline, thetas: Sequence[float], lengths: Sequence[int], settings: Settings
) -> dict[str, dict[str, float | None]]:
    """Wavelengths of every axis and theta, in positions, compared with captions and images."""
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
    """The findings as statements: 1.0 if a statement holds, else 0.0."""

    def value(row: str, metric: str) -> float:
        number = rows[row][metric]
        assert number is not None, (row, metric)
        return number

    change = "velocity_change"
    largest = f"{change}_largest"
    parts = {name[5:]: row for name, row in rows.items() if name.startswith("part=")}
    whole = [name for name in rows if name.startswith("scale")]
    channel = [name for name in rows if name.startswith("strongest_channel=")]
    checks = {
        "context_refiner_sees_no_timestep": parts["context_refiner"]["num_see_timestep"] == 0,
        "caption_embedder_sees_no_timestep": parts["cap_embedder"]["num_see_timestep"] == 0,
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
