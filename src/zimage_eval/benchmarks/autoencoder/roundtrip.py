"""Pictures through an autoencoder and back, in several ways, and what each way loses."""

import copy
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from numpy.typing import NDArray
from torch import Tensor

from zimage_eval.benchmarks.autoencoder.pictures import RoundtripPicture
from zimage_eval.benchmarks.autoencoder.tiling import seam_excess, tile_decoder, tiling_of
from zimage_eval.config.measuring import PinnedFile
from zimage_eval.metrics.image import high_frequency_share, psnr, ssim
from zimage_eval.metrics.lpips import lpips_distances
from zimage_eval.metrics.networks.files import check_digest, weight_files
from zimage_eval.model.autoencoder import decode_latents, encode_images
from zimage_eval.model.transformer import check_image_weights
from zimage_eval.output.observations import Measurement
from zimage_eval.statistics.estimates import paired_differences, prompt_means

if TYPE_CHECKING:
    import lpips


BASELINE, WHOLE = "float32_mode", "whole"
"""What the ways of one decoding, and the tiled ones, are held against."""
Roundtrip = Callable[[Tensor, int], Tensor]
"""`(3, height, width)` uint8 and a replicate's number -> the same shape."""


class Way(NamedTuple):
    """A way through the autoencoder."""

    variant: str
    run: Roundtrip
    num_replicates: int
    """Above 1 where it draws random numbers."""


def load_autoencoder(folder: Path, device: torch.device) -> AutoencoderKL:
    """A model's autoencoder in float32, from its folder `vae`."""
    check_image_weights(folder.parent, ("vae",))
    return AutoencoderKL.from_pretrained(folder, dtype=torch.float32).eval().to(device)


def load_decoder(
    name: str, file: PinnedFile, vae: AutoencoderKL
) -> AutoencoderKL | AutoencoderTiny:
    """Another decoder of the same latents, from a diffusers folder, in float32.

    Raises:
        ValueError: there are no such weights, or others than declared, or of other latents.
    """
    assert file.path is not None
    folder = Path(file.path).expanduser()
    check_digest(f"decoders.{name}", file, weight_files("vae", folder))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    classes = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
    if config["_class_name"] not in classes:
        raise ValueError(f"decoders.{name}: {config['_class_name']} is no autoencoder of these")
    decoder = classes[config["_class_name"]].from_pretrained(folder, dtype=torch.float32)
    if decoder.config.latent_channels != vae.config.latent_channels:
        raise ValueError(
            f"decoders.{name}: takes {decoder.config.latent_channels} channels, "
            f"the model's latents have {vae.config.latent_channels}"
        )
    return decoder.eval().to(vae.device)


def check_decoding_memory(vae: AutoencoderKL, side: int) -> None:
    """Refuse a size that the machine can't decode.

    Four of the largest activations at once, in float32, is what the decoder's last blocks hold.

    Raises:
        ValueError: it takes more than is free; says how much.
    """
    channels = vae.config.block_out_channels
    widest = channels[min(1, len(channels) - 1)]
    needed = 4 * widest * side * side * 4 / 2**30
    if vae.device.type == "cuda":
        free = torch.cuda.mem_get_info(vae.device)[0] / 2**30
    else:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    if needed > free:
        raise ValueError(
            f"vae_roundtrip: {side} x {side} px take about {needed:.1f} GiB, {free:.1f} are free"
        )


def make_ways(
    vae: AutoencoderKL,
    decoders: Mapping[str, AutoencoderKL | AutoencoderTiny],
    num_samples: int,
) -> list[Way]:
    """Ways for pictures that are decoded whole; the first is the baseline.

    `float32_mode` takes the posterior's mode, `sample` samples of it; `bfloat16` encodes and
    decodes in that format, `bfloat16_decode` decodes only, as a pipeline in bfloat16 does; the
    others decode the baseline's latents with another decoder.
    """
    half = copy.deepcopy(vae).to(torch.bfloat16)

    def sample(image: Tensor, seed: int) -> Tensor:
        generator = torch.Generator("cpu").manual_seed(seed)
        return decode_latents(vae, encode_images(vae, image[None], generator))[0]

    def bfloat16(image: Tensor, _: int) -> Tensor:
        return decode_latents(half, encode_images(half, image[None], None).float())[0]

    return [
        Way(BASELINE, _decode_with(vae, vae), 1),
        Way("sample", sample, num_samples),
        Way("bfloat16", bfloat16, 1),
        Way("bfloat16_decode", _decode_with(vae, half), 1),
        *(Way(name, _decode_with(vae, decoder), 1) for name, decoder in decoders.items()),
    ]


def tiled_ways(vae: AutoencoderKL) -> list[tuple[Way, AutoencoderKL]]:
    """Ways for pictures larger than a tile beside the whole one, each with its decoder.

    All encode at once, which is not what generation does, so that tiles differ in decoding alone.
    `tiled` is diffusers' own; `tiled_no_overlap` has hard seams, which the metric has to find.
    """
    decoders = {"tiled": tile_decoder(vae, None), "tiled_no_overlap": tile_decoder(vae, 0.0)}
    return [(Way(name, _decode_with(vae, one), 1), one) for name, one in decoders.items()]


def measure_roundtrips(
    pictures: Iterable[RoundtripPicture], ways: Sequence[Way], network: "lpips.LPIPS", factor: int
) -> list[Measurement]:
    """Every metric of every picture, way and replicate; `psnr_to_baseline` tells ways apart."""
    found = []
    for picture in pictures:
        original = _pixels(picture.image)
        first: Tensor | None = None
        for way in ways:
            for replicate in range(way.num_replicates):
                image = way.run(picture.image, replicate)
                pixels = _pixels(image)
                [distance] = lpips_distances([pixels], [original], network)
                metrics = loss_metrics(pixels, original, distance, factor)
                if first is None:
                    first = image
                else:
                    metrics["psnr_to_baseline"] = psnr(pixels, _pixels(first))
                found += _rows(way.variant, picture, replicate, metrics)
    return found


def observe_tiles(
    pictures: Iterable[RoundtripPicture], vae: AutoencoderKL, network: "lpips.LPIPS", factor: int
) -> list[Measurement]:
    """The same of pictures larger than a tile, decoded whole and in tiles, and their seams."""
    whole = Way(WHOLE, _decode_with(vae, vae), 1)
    tiled, found = tiled_ways(vae), []
    for picture in pictures:
        found += measure_roundtrips([picture], [whole, *(way for way, _ in tiled)], network, factor)
        reference = whole.run(picture.image, 0)
        for way, decoder in tiled:
            image = way.run(picture.image, 0)
            difference = (image.float() - reference.float()).abs()
            metrics: dict[str, float | None] = {
                "seam_excess": seam_excess(image, reference, tiling_of(decoder)),
                "largest_difference": float(difference.max()),
            }
            found += _rows(way.variant, picture, 0, metrics)
    return found


def changes(
    observations: Sequence[Measurement], variant: str, baseline: str, category: str, metric: str
) -> list[float]:
    """A way's metric minus the baseline's, one number a picture, replicates averaged."""

    def scores(name: str) -> dict[tuple[str, int], float | None]:
        chosen = (variant if name == variant else baseline, category, metric)
        means = prompt_means(
            {
                (row.unit, row.replicate): row.value
                for row in observations
                if (row.variant, row.category, row.metric) == chosen
            }
        )
        return {(unit, 0): value for unit, value in means.items()}

    return list(paired_differences(scores(variant), scores(baseline)).values())


def _decode_with(vae: AutoencoderKL, decoder: AutoencoderKL | AutoencoderTiny) -> Roundtrip:
    """The posterior's mode, decoded by one of the two."""
    return lambda image, _: decode_latents(decoder, encode_images(vae, image[None], None))[0]


def _rows(
    variant: str, picture: RoundtripPicture, replicate: int, metrics: Mapping[str, float | None]
) -> list[Measurement]:
    return [
        Measurement(variant, picture.unit, replicate, picture.kind, metric, value)
        for metric, value in metrics.items()
    ]


def _pixels(image: Tensor) -> NDArray[np.uint8]:
    return image.permute(1, 2, 0).contiguous().numpy()


def loss_metrics(
    image: np.ndarray, original: np.ndarray, lpips: float, factor: int
) -> dict[str, float | None]:
    """By name: `psnr` (dB, None if identical), `ssim`, `lpips`, and what kind of loss it is.

    `high_frequency_ratio` is the share of fine detail in it over that in the original: below 1 is
    blurred, above 1 has details that were not there. `color_shift` is the largest mean difference
    of a channel, in gray levels. `grid` is `grid_artifact`.

    Args:
        image: as it came back.
        original: as it was sent.
        lpips: distance of the two.
        factor: pixels a latent stands for along a side.
    """
    difference = image.astype(np.float64) - original
    shares = high_frequency_share(image), high_frequency_share(original)
    ratio = shares[0] / shares[1] if shares[0] is not None and shares[1] else None
    return {
        "psnr": psnr(image, original),
        "ssim": ssim(image, original),
        "lpips": lpips,
        "high_frequency_ratio": ratio,
        "color_shift": float(np.abs(difference.mean(axis=(0, 1))).max()),
        "grid": grid_artifact(difference, factor),
    }


def grid_artifact(difference: np.ndarray, factor: int) -> float | None:
    """Whether errors sit at certain places within a latent's pixels, as a checkerboard's do.

    Standard deviation over its `factor` x `factor` places of the mean squared error there, over
    the mean of them: 0 for errors that don't know the grid. A few pictures of little content give
    some by chance. None without any error.
    """
    rows, columns = (size // factor * factor for size in difference.shape[:2])
    squares = np.square(difference[:rows, :columns]).mean(axis=2)
    places = squares.reshape(rows // factor, factor, columns // factor, factor).mean(axis=(0, 2))
    mean = places.mean()
    return float(places.std() / mean) if mean else None
