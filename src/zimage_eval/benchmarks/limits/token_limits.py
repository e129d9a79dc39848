"""The longest caption and the widest image that a transformer takes, found by trials."""

from collections.abc import Callable, Mapping

import torch
from diffusers import ZImageTransformer2DModel

from zimage_eval.benchmarks.limits.length_probe import ProbeSize, find_positions, run_probe
from zimage_eval.config.benchmarks import TokenLimitParams
from zimage_eval.config.setting_groups import RopeSettings
from zimage_eval.model.folder import max_caption_tokens, padded_length

Fits = Callable[[ProbeSize], bool]


def find_limit(fits: Callable[[int], bool], upper_bound: int, guess: int) -> int:
    """The largest number that fits: `guess` if it fits and `guess + 1` does not, else by bisection.

    Raises:
        ValueError: 1 does not fit, or `upper_bound` does.
    """
    if fits(guess) and not fits(guess + 1):
        return guess
    if not fits(1) or fits(upper_bound):
        raise ValueError(f"no limit between 1, which must fit, and {upper_bound}, which must not")
    low, high = 1, upper_bound
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def measure_lengths(
    transformer: ZImageTransformer2DModel, fits: Fits, params: TokenLimitParams
) -> dict[str, dict[str, float | None]]:
    """A row per caption length of `params`, with the model's table and with the enlarged one."""
    default_table = transformer.rope_embedder.axes_lens[0]
    tables = [
        (default_table, None, params.lengths),
        (params.table_length,) * 2 + (params.long_lengths,),
    ]
    rows: dict[str, dict[str, float | None]] = {}
    for table, table_length, lengths in tables:
        for length in lengths:
            caption_positions = find_positions(transformer, length)
            rows[f"table={table},tokens={length}"] = {
                "fits": float(fits(ProbeSize(length, table_length=table_length))),
                "padded_tokens": padded_length(length),
                "first_caption_position": caption_positions.first_caption,
                "last_caption_position": caption_positions.last_caption,
                "image_position": caption_positions.image,
                "last_table_row": table - 1,
            }
    for length in params.equal_lengths:
        small, large = ProbeSize(length), ProbeSize(length, table_length=params.table_length)
        is_equal = torch.equal(run_probe(transformer, small), run_probe(transformer, large))
        rows.setdefault(f"table={default_table},tokens={length}", {})["equal_on_enlarged_table"] = (
            is_equal
        )
    return rows


def measure_limits(
    transformer: ZImageTransformer2DModel,
    fits: Fits,
    params: TokenLimitParams,
    autoencoder_factor: int,
    own_rope: RopeSettings,
    template_tokens: int,
) -> dict[str, dict[str, float | None]]:
    """The limits found by trials, beside the limits that follow from the lengths of the tables."""
    table, *sides = transformer.rope_embedder.axes_lens
    by_table = max_caption_tokens(own_rope)
    limit = find_limit(lambda length: fits(ProbeSize(length)), table + 1, by_table)
    longest = min(
        find_limit(lambda side: fits(ProbeSize(1, rows=side)), sides[0] + 1, sides[0]),
        find_limit(lambda side: fits(ProbeSize(1, columns=side)), sides[1] + 1, sides[1]),
    )
    patch = 2  # latents along a side of a patch; ZImagePipeline supports only 2
    factors = sorted({autoencoder_factor, *params.autoencoder_factors})
    return {
        "caption": {
            "limit_tokens": limit,
            "limit_tokens_by_table": by_table,
            "limit_prompt_tokens": limit - template_tokens,
            "table_rows": table,
        },
        "image": {
            "limit_patches": longest,
            "limit_patches_by_table": min(sides),
            "limit_pixels": longest * patch * autoencoder_factor,
        },
    } | {
        f"autoencoder_factor={factor}": {"limit_pixels": longest * patch * factor}
        for factor in factors
    }


def limit_checks(
    rows: dict[str, dict[str, float | None]], params: TokenLimitParams
) -> dict[str, float | None]:
    """The findings as statements: 1.0 if a statement holds, else 0.0."""
    caption, image = rows["caption"], rows["image"]
    position_rows = [row for row in rows.values() if "image_position" in row]
    explained = [
        bool(row["fits"]) == (_number(row["image_position"]) <= _number(row["last_table_row"]))
        for row in position_rows
        if "fits" in row
    ]
    equal = [row["equal_on_enlarged_table"] for row in rows.values() if _is_compared(row)]
    long = [rows[f"table={params.table_length},tokens={n}"]["fits"] for n in params.long_lengths]
    firsts = {row["first_caption_position"] for row in position_rows}
    gaps = {
        _number(row["image_position"]) - _number(row["last_caption_position"])
        for row in position_rows
    }
    checks = {
        "caption_limit_is_what_table_says": caption["limit_tokens"]
        == caption["limit_tokens_by_table"],
        "caption_begins_at_position_1": firsts == {1},
        "image_stands_one_behind_padded_caption": gaps == {1},
        "fits_exactly_if_image_position_is_in_table": all(explained),
        "enlarged_table_leaves_shorter_captions_bit_identical": all(equal),
        "enlarged_table_takes_long_captions": all(long),
        "image_limit_is_table_rows_in_patches": image["limit_patches"]
        == image["limit_patches_by_table"],
    }
    return {name: float(holds) for name, holds in checks.items()}


def _is_compared(row: Mapping[str, float | None]) -> bool:
    return "equal_on_enlarged_table" in row


def _number(value: float | None) -> float:
    assert value is not None
    return value
