"""What padding changes: the text encoder's in embeddings, the transformer's in pictures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import torch
from diffusers import ZImagePipeline
from transformers import PreTrainedModel

from zimage_eval.benchmarks.conditioning.probe_inputs import ProbeInput
from zimage_eval.config.settings import Settings
from zimage_eval.model.autoencoder import decode_latents
from zimage_eval.model.captions import CaptionLayout, lay_out_captions
from zimage_eval.output.observations import Measurement, measurements_of
from zimage_eval.sampling.denoising import initial_latents, relative_change, sample_latents

Distance = Callable[[torch.Tensor, torch.Tensor], float]
"""A distance of two pictures `(3, height, width)` uint8."""
Embeds = list[torch.Tensor]
PadPlacement = Literal["none", "right", "left", "left_own_positions", "center"]
"""Where pads stand. `left_own_positions`: to the left, but the positions of tokens start at 0."""
PLACEMENTS: tuple[PadPlacement, ...] = get_args(PadPlacement)
NO_DIFFERENCE = 1e-3
"""LPIPS below this comes from a few pixels that were rounded the other way."""
DOUBLE_ROUNDING = 1e-12
"""Relative changes in float64 below this come from rounding."""


def measure_placements(
    text_encoder: PreTrainedModel, token_ids: Sequence[torch.Tensor], pad_id: int, length: int
) -> tuple[Embeds, dict[str, dict[str, float | None]]]:
    """Encode prompts with pads at every placement, and compare with embeddings without pads.

    A `batch_` row has all prompts in one batch, padded to `length` like the others. It is also
    compared with the same placement one prompt at a time: `equal_to_alone`, `change_from_alone`.

    Returns:
        The embeddings without pads, and a row of numbers per placement.
    """
    alone: dict[str, Embeds] = {
        placement: [
            encode_padded(text_encoder, [tokens], pad_id, length, placement)[0]
            for tokens in token_ids
        ]
        for placement in PLACEMENTS
    }
    unpadded = alone.pop("none")
    rows: dict[str, dict[str, float | None]] = {
        placement: compare_embeds(embeds, unpadded) for placement, embeds in alone.items()
    }
    sides: tuple[PadPlacement, ...] = ("right", "left")
    for placement in sides:
        batch = encode_padded(text_encoder, token_ids, pad_id, length, placement)
        changes = compare_embeds(batch, alone[placement])
        rows[f"batch_{placement}"] = compare_embeds(batch, unpadded) | {
            "equal_to_alone": changes["equal"],
            "change_from_alone": changes["largest_change"],
        }
    rows["left"]["equal_to_right"] = compare_embeds(alone["left"], alone["right"])["equal"]
    return unpadded, rows


@torch.no_grad()
def encode_padded(
    text_encoder: PreTrainedModel,
    token_ids: Sequence[torch.Tensor],
    pad_id: int,
    length: int,
    placement: PadPlacement,
) -> list[torch.Tensor]:
    """Encode prompts in one batch: Z-Image's hidden layer -2 without pads.

    Returns:
        `(num_tokens, hidden_size)` of each prompt, on the CPU.

    Args:
        text_encoder: in any number format.
        token_ids: `(num_tokens,)` int64 per prompt, at most `length` tokens.
        pad_id: id of the pad token.
        length: tokens of each padded prompt; not read for "none", which takes one prompt at a time.
        placement: "center" puts half of the pads in front and counts positions from the first pad.
    """
    if placement == "none":
        length = len(token_ids[0])
    shape = (len(token_ids), length)
    ids, mask = torch.full(shape, pad_id), torch.zeros(shape, dtype=torch.bool)
    positions = torch.arange(length).repeat(len(token_ids), 1)
    for row, tokens in enumerate(token_ids):
        num_pads = length - len(tokens)
        before = {"none": 0, "right": 0, "center": num_pads // 2}.get(placement, num_pads)
        ids[row, before : before + len(tokens)] = tokens
        mask[row, before : before + len(tokens)] = True
        if placement == "left_own_positions":
            positions[row] = (positions[row] - before).clamp_min(0)
    device = text_encoder.device
    states = text_encoder(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        position_ids=positions.to(device),
        output_hidden_states=True,
    ).hidden_states[-2]
    return [state[kept] for state, kept in zip(states.cpu(), mask, strict=True)]


def compare_embeds(embeds: Embeds, reference: Embeds) -> dict[str, float | None]:
    """Over all prompts: the share that is bit-identical, and the largest change of a token."""
    pairs = list(zip(embeds, reference, strict=True))
    return {
        "equal": sum(torch.equal(*pair) for pair in pairs) / len(pairs),
        "largest_change": max(largest_token_change(*pair) for pair in pairs),
    }


def largest_token_change(changed: torch.Tensor, reference: torch.Tensor) -> float:
    """The largest relative change of a token: norm of the difference over norm of the reference."""
    difference = (changed.double() - reference.double()).norm(dim=-1)
    return float((difference / reference.double().norm(dim=-1)).max())


def caption_arms(extra_pads: Sequence[int]) -> dict[str, CaptionLayout]:
    """Layouts by name: no pads, extra pads, the same with the image in place, image moved."""
    arms = {"unrounded": CaptionLayout(is_rounded=False)}
    for number in extra_pads:
        arms[f"extra_pads={number}"] = CaptionLayout(extra_pads=number)
        arms[f"extra_pads={number},image_kept"] = CaptionLayout(number, image_offset=-number)
        arms[f"image_offset={number}"] = CaptionLayout(image_offset=number)
    return arms


def measure_pictures(
    pipe: ZImagePipeline,
    inputs: Sequence[ProbeInput],
    embeds_by_side: Mapping[str, Embeds],
    extra_pads: Sequence[int],
    settings: Settings,
    distance: Distance,
) -> list[Measurement]:
    """Compare each prompt's picture under other paddings with the picture of unpadded embeddings.

    Args:
        pipe: transformer, autoencoder and scheduler.
        inputs: prompts; their embeddings are not read.
        embeds_by_side: embeddings by the side of the text encoder's pads; "none" is one of them.
        extra_pads: as in `caption_arms`.
        settings: how pictures are drawn.
        distance: LPIPS of two pictures.
    """
    views = {
        name: type(pipe)(
            **{**pipe.components, "transformer": lay_out_captions(pipe.transformer, layout)}
        )
        for name, layout in caption_arms(extra_pads).items()
    }
    rows = []
    for index, probe_input in enumerate(inputs):
        unpadded = embeds_by_side["none"][index]
        reference = _draw(pipe, [unpadded], [probe_input.seed], settings)
        arms = {
            f"padding_side={side}": _draw(pipe, [embeds[index]], [probe_input.seed], settings)
            for side, embeds in embeds_by_side.items()
            if side != "none"
        }
        arms |= {
            name: _draw(view, [unpadded], [probe_input.seed], settings)
            for name, view in views.items()
        }
        arms["other_seed"] = _draw(pipe, [unpadded], [probe_input.seed + 1], settings)
        arms["in_a_batch"] = _first(
            _draw(pipe, [unpadded] * 2, [probe_input.seed, probe_input.seed + 1], settings)
        )
        for name, (latents, picture) in arms.items():
            values = {
                "latents_change": relative_change(latents, reference[0]),
                "lpips": distance(picture[0], reference[1][0]),
                "equal_pixels": float(torch.equal(picture, reference[1])),
            }
            rows += measurements_of(
                values, variant=name, unit=probe_input.prompt_id, category=probe_input.category
            )
    return rows


def padding_checks(
    rows: dict[str, dict[str, float | None]], dtypes: Sequence[str], extra_pads: Sequence[int]
) -> dict[str, float | None]:
    """The findings as statements: 1.0 if a statement holds, else 0.0.

    "Within rounding" means that no token changes by more than twice the change by its number
    format, because two roundings of one exact value can differ by that much. The format's change is
    measured without pads, against the first of the formats.
    """
    checks: dict[str, bool] = {}
    for dtype in dtypes[1:]:
        floor = _value(rows, f"dtype={dtype},placement=none", "change_from_first_dtype")
        for name in ("right", "left", "center", "batch_right", "batch_left"):
            change = _value(rows, f"dtype={dtype},placement={name}", "largest_change")
            checks[f"{name}_padding_is_within_rounding_in_{dtype}"] = change <= 2 * floor
    if dtypes[0] == "float64":
        for name in ("right", "left_own_positions", "batch_right"):
            change = _value(rows, f"dtype=float64,placement={name}", "largest_change")
            checks[f"{name}_padding_is_exact_in_float64"] = change < DOUBLE_ROUNDING
    most = f"extra_pads={max(extra_pads)}"
    sides = max(
        _value(rows, name, "lpips_largest") for name in rows if name.startswith("padding_side=")
    )
    more, seeds = (_value(rows, name, "lpips") for name in (most, "other_seed"))
    checks["padding_side_changes_no_picture"] = sides < NO_DIFFERENCE
    checks["attended_pads_change_pictures_more_than_padding_side"] = more > sides
    checks["attended_pads_change_pictures_less_than_another_seed"] = more < seeds
    return {name: float(holds) for name, holds in checks.items()}


def add_floors(
    rows: dict[str, dict[str, float | None]], unpadded: Mapping[str, Embeds]
) -> dict[str, dict[str, float | None]]:
    """Add rows that compare unpadded embeddings of each number format with the first format."""
    first, *other_dtypes = unpadded
    floors: dict[str, dict[str, float | None]] = {
        f"dtype={dtype},placement=none": {
            "change_from_first_dtype": compare_embeds(unpadded[dtype], unpadded[first])[
                "largest_change"
            ]
        }
        for dtype in other_dtypes
    }
    return rows | floors


def _value(rows: dict[str, dict[str, float | None]], row: str, metric: str) -> float:
    value = rows[row][metric]
    assert value is not None, (row, metric)
    return value


def _draw(
    pipe: ZImagePipeline, embeds: Embeds, seeds: Sequence[int], settings: Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    noise = initial_latents(pipe, seeds, settings.image)
    latents = sample_latents(pipe, embeds, None, noise, settings).latents
    return latents.cpu(), decode_latents(pipe.vae, latents)


def _first(drawn: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    return drawn[0][:1], drawn[1][:1]
