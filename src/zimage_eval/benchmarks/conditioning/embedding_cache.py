"""Compare embeddings that were written to a table and read back with freshly made embeddings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from diffusers import ZImagePipeline

from zimage_eval.benchmarks.conditioning.probe_inputs import take_evenly
from zimage_eval.config.setting_groups import EncoderSettings
from zimage_eval.config.settings import Settings
from zimage_eval.model.autoencoder import decode_latents
from zimage_eval.sampling.denoising import initial_latents, relative_change, sample_latents
from zimage_eval.text.embeddings import TextEmbeddings, read_embeddings, write_embeddings
from zimage_eval.text.encoder import TextSide
from zimage_eval.text.encoding import encode_layers
from zimage_eval.text.needed_encodings import Encoding
from zimage_eval.text.tokens import tokenize

HALF_MAXIMUM = torch.finfo(torch.float16).max


def encode_fresh(text_side: TextSide, text: str, settings: EncoderSettings) -> TextEmbeddings:
    """Encode one text under one setting, by the code that fills the table."""
    inputs = tokenize(text_side.tokenizer, text, settings)
    return encode_layers(text_side.text_encoder, inputs, [settings.hidden_layer])[0]


def compare_table(
    cached: Mapping[Encoding, torch.Tensor], text_side: TextSide, num_texts: int
) -> dict[str, float | None]:
    """Compare some rows of a study's table with embeddings that are made again.

    Mapped layers are left out, because their maps are fitted on whole prompt sets.
    """
    keys = sorted(
        (key for key in cached if key[1].layer_map == "none"),
        key=lambda key: (key[0], key[1].canonical()),
    )
    sampled_keys = take_evenly(keys, num_texts)
    equal = [
        torch.equal(cached[key], encode_fresh(text_side, *key).prompt_embeds.float())
        for key in sampled_keys
    ]
    return {
        "num_encodings": len(sampled_keys),
        "equal": sum(equal) / len(sampled_keys) if sampled_keys else None,
        "left_out_as_mapped": len(cached) - len(keys),
    }


def compare_roundtrip(
    text_side: TextSide, texts: Sequence[str], settings: EncoderSettings
) -> tuple[list[torch.Tensor], list[torch.Tensor], dict[str, float | None]]:
    """Encode texts, write them to a table, read the table, and compare.

    Returns:
        Freshly made embeddings, the same encoded a second time and read back from a table, and a
        row of numbers. The row also says what a cache of half the size would lose:
        `float16_change` is the relative change by rounding to float16, `float16_overflows` the
        share of values beyond its range.
    """
    fresh = [encode_fresh(text_side, text, settings).prompt_embeds for text in texts]
    again = [encode_fresh(text_side, text, settings) for text in texts]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "embeddings.parquet"
        write_embeddings(path, again)
        table = read_embeddings(path)
    read = [table[text, again[0].settings] for text in texts]
    back = [stored.to(embeds.dtype) for stored, embeds in zip(read, fresh, strict=True)]
    pairs = list(zip(fresh, back, strict=True))
    values = torch.cat([embeds.float() for embeds in fresh])
    half = values.clamp(-HALF_MAXIMUM, HALF_MAXIMUM).half()
    row: dict[str, float | None] = {
        "num_texts": len(texts),
        "equal": sum(torch.equal(*pair) for pair in pairs) / len(pairs),
        "finite": float(values.isfinite().all()),
        "largest_value": float(values.abs().max()),
        "float16_change": relative_change(half, values),
        "float16_overflows": float((values.abs() > HALF_MAXIMUM).float().mean()),
        "bfloat16_change": relative_change(values.bfloat16(), values),
    }
    return fresh, back, row


def compare_pictures(
    pipe: ZImagePipeline,
    fresh: Sequence[torch.Tensor],
    cached: Sequence[torch.Tensor],
    seeds: Sequence[int],
    settings: Settings,
) -> dict[str, float | None]:
    """Compare pictures drawn from fresh embeddings, from cached ones, and from a cache in float16.

    There is one picture per seed; the first seed belongs to the first prompt, and so on.
    """
    drawn: dict[str, list[torch.Tensor]] = {"cached": [], "fresh": [], "half": []}
    for fresh_embeds, cached_embeds, seed in zip(fresh, cached, seeds, strict=False):
        half = fresh_embeds.float().clamp(-HALF_MAXIMUM, HALF_MAXIMUM).half()
        for name, embeds in (("fresh", fresh_embeds), ("cached", cached_embeds), ("half", half)):
            noise = initial_latents(pipe, [seed], settings.image)
            latents = sample_latents(pipe, [embeds], None, noise, settings).latents
            drawn[name].append(decode_latents(pipe.vae, latents))
    count = len(drawn["fresh"])
    return {
        "num_images": count,
        "equal_images": sum(map(torch.equal, drawn["fresh"], drawn["cached"])) / count,
        "equal_images_from_float16": sum(map(torch.equal, drawn["fresh"], drawn["half"])) / count,
    }
