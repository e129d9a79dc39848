"""Encode and decode pictures by an autoencoder in several ways, and measure what each way loses."""

import copy
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
from zimage_eval.model.memory import read_json_object
from zimage_eval.model.transformer import check_image_weights
from zimage_eval.output.observations import Measurement, measurements_of
from zimage_eval.statistics.estimates import paired_differences, prompt_means

if TYPE_CHECKING:
    import lpips

BASELINE, WHOLE = "float32_mode", "whole"
"""The baseline of the ways that decode a picture whole, and the baseline of the tiled ways."""
Roundtrip = Callable[[Tensor, int], Tensor]
"""A picture `(3, height, width)` uint8 and the number of a replicate -> a picture of that shape."""


class Way(NamedTuple):
    """One way to encode and decode a picture."""

    variant: str
    run: Roundtrip
    num_replicates: int
    """Above 1 if the way draws random numbers."""


def load_autoencoder(folder: Path, device: torch.device) -> AutoencoderKL:
    """Load a model's autoencoder in float32, from its folder `vae`."""
    check_image_weights(folder.parent, ("vae",))
    return AutoencoderKL.from_pretrained(folder, dtype=torch.float32).eval().to(device)


def load_decoder(
    name: str, file: PinnedFile, vae: AutoencoderKL
) -> AutoencoderKL | AutoencoderTiny:
    """Load another decoder of the same latents from a diffusers folder, in float32.

    Raises:
        ValueError: the weights are missing or differ from the declared digest, the class is none
            of diffusers' two autoencoders, or the latents have another number of channels.
    """
    assert file.path is not None
    folder = Path(file.path).expanduser()
    check_digest(f"decoders.{name}", file, weight_files("vae", folder))
    config = read_json_object(folder / "config.json")
    classes = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
    if config["_class_name"] not in classes:
        raise ValueError(
            f"decoders.{name}: {folder / 'config.json'} names the class {config['_class_name']}; "
            f"allowed are {', '.join(classes)}"
        )
    decoder = classes[config["_class_name"]].from_pretrained(folder, dtype=torch.float32)
    if decoder.config.latent_channels != vae.config.latent_channels:
        raise ValueError(
            f"decoders.{name}: takes {decoder.config.latent_channels} channels, "
            f"the model's latents have {vae.config.latent_channels}"
        )
    return decoder.eval().to(vae.device)


def check_decoding_memory(vae: AutoencoderKL, side: int) -> None:
    """Refuse a picture size that the machine has too little memory to decode.

    The last blocks of the decoder hold about four of the largest activations at once, in float32.

    Raises:
        ValueError: decoding takes more memory than is free; the message says how much.
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
    """The ways for pictures that are decoded whole; the first is the baseline.

    `float32_mode` takes the mode of the posterior, `sample` takes samples of it. `bfloat16` encodes
    and decodes in that format; `bfloat16_decode` only decodes in it, as a pipeline in bfloat16
    does. The others decode the baseline's latents with another decoder.
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
    """The tiled ways for pictures larger than a tile, each with its decoder.

    Every way encodes the whole picture at once, so that only the decoding differs. `tiled` is
    diffusers' tiling. `tiled_no_overlap` has hard seams, which the seam metric has to find.
    """
    decoders = {"tiled": tile_decoder(vae, None), "tiled_no_overlap": tile_decoder(vae, 0.0)}
    return [
        (Way(name, _decode_with(vae, decoder), 1), decoder) for name, decoder in decoders.items()
    ]


def measure_roundtrips(
    pictures: Iterable[RoundtripPicture], ways: Sequence[Way], network: "lpips.LPIPS", factor: int
) -> list[Measurement]:
    """Measure every metric of every picture, way and replicate.

    `psnr_to_baseline` compares a way's picture with that of the first way and replicate.
    """
    measurements = []
    for picture in pictures:
        original = _pixels(picture.image)
        baseline_image: Tensor | None = None
        for way in ways:
            for replicate in range(way.num_replicates):
                image = way.run(picture.image, replicate)
                pixels = _pixels(image)
                [distance] = lpips_distances([pixels], [original], network)
                metrics = loss_metrics(pixels, original, distance, factor)
                if baseline_image is None:
                    baseline_image = image
                else:
                    metrics["psnr_to_baseline"] = psnr(pixels, _pixels(baseline_image))
                measurements += _rows(way.variant, picture, replicate, metrics)
    return measurements


def measure_tiled_roundtrips(
    pictures: Iterable[RoundtripPicture], vae: AutoencoderKL, network: "lpips.LPIPS", factor: int
) -> list[Measurement]:
    """Measure pictures larger than a tile, decoded whole and in tiles, and the tiles' seams."""
    whole = Way(WHOLE, _decode_with(vae, vae), 1)
    tiled, measurements = tiled_ways(vae), []
    for picture in pictures:
        measurements += measure_roundtrips(
            [picture], [whole, *(way for way, _ in tiled)], network, factor
        )
        reference = whole.run(picture.image, 0)
        for way, decoder in tiled:
            image = way.run(picture.image, 0)
            difference = (image.float() - reference.float()).abs()
            metrics: dict[str, float | None] = {
                "seam_excess": seam_excess(image, reference, tiling_of(decoder)),
                "largest_difference": float(difference.max()),
            }
            measurements += _rows(way.variant, picture, 0, metrics)
    return measurements


def paired_changes(
    observations: Sequence[Measurement], variant: str, baseline: str, category: str, metric: str
) -> list[float]:
    """A way's metric minus the baseline's, one number per picture; replicates are averaged."""

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


def loss_metrics(
    image: np.ndarray, original: np.ndarray, lpips: float, factor: int
) -> dict[str, float | None]:
    """By name: `psnr` (dB, None if identical), `ssim`, `lpips`, and kinds of loss.

    `high_frequency_ratio` is the share of fine detail in the image over that in the original: below
    1 the image is blurred, above 1 it has detail that was not there. `color_shift` is the largest
    mean difference of a channel, in gray levels. `grid` is `grid_artifact`.

    Args:
        image: the decoded picture, `(height, width, 3)` uint8.
        original: the picture before encoding.
        lpips: LPIPS distance of the two.
        factor: pixels per latent along a side.
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
    """How strongly the error depends on the place within a latent's pixels, as in a checkerboard.

    A latent stands for `factor` x `factor` pixels. The value is the standard deviation over these
    places of the mean squared error, divided by its mean: 0 if errors are independent of the
    latents' grid. A picture of little content can exceed 0 by chance. None if there is no error.
    """
    rows, columns = (size // factor * factor for size in difference.shape[:2])
    squares = np.square(difference[:rows, :columns]).mean(axis=2)
    places = squares.reshape(rows // factor, factor, columns // factor, factor).mean(axis=(0, 2))
    mean = places.mean()
    return float(places.std() / mean) if mean else None


def _decode_with(vae: AutoencoderKL, decoder: AutoencoderKL | AutoencoderTiny) -> Roundtrip:
    """Encode with `vae`, take the mode of the posterior, decode with `decoder`."""
    return lambda image, _: decode_latents(decoder, encode_images(vae, image[None], None))[0]


def _rows(
    variant: str, picture: RoundtripPicture, replicate: int, metrics: Mapping[str, float | None]
) -> list[Measurement]:
    return measurements_of(
        metrics, variant=variant, unit=picture.unit, replicate=replicate, category=picture.kind
    )


def _pixels(image: Tensor) -> NDArray[np.uint8]:
    return image.permute(1, 2, 0).contiguous().numpy()
