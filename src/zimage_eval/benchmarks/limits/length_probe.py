"""Try whether a transformer takes a caption of a given length or an image of a given size.

Run as a module with FOLDER DEVICE NUM_TOKENS ROWS COLUMNS TABLE_LENGTH, it makes one trial on a
device. On a GPU a position beyond the table is a device assert, after which the process can't
continue: every trial on a GPU therefore takes a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import torch
from diffusers import ZImageTransformer2DModel
from diffusers.models.transformers.transformer_z_image import RopeEmbedder

from zimage_eval.model.module_views import view_module
from zimage_eval.sampling.denoising import predict_velocity

FITS, OVERRUNS = "fits", "overruns the table"


class ProbeSize(NamedTuple):
    """Size of the inputs of one trial."""

    num_tokens: int
    """Tokens of the caption before padding."""
    rows: int = 1
    """Rows of the image, in patches."""
    columns: int = 1
    table_length: int | None = None
    """Positions of axis 0; None for the model's table."""


class Positions(NamedTuple):
    """Where a caption and its image stand on axis 0."""

    first_caption: int
    last_caption: int
    image: int


def with_table_length(
    transformer: ZImageTransformer2DModel, length: int
) -> ZImageTransformer2DModel:
    """A view with a table of `length` positions on axis 0, made by diffusers' own class."""
    embedder, view = transformer.rope_embedder, view_module(transformer)
    view.rope_embedder = RopeEmbedder(
        embedder.theta, embedder.axes_dims, [length, *embedder.axes_lens[1:]]
    )
    return view


def run_probe(transformer: ZImageTransformer2DModel, size: ProbeSize) -> torch.Tensor:
    """The velocity `(1, channels, rows, columns)` of seeded noise under a seeded random caption.

    Raises:
        IndexError: on the CPU, if a position is not in the table. (A GPU raises a device assert.)
    """
    if size.table_length is not None:
        transformer = with_table_length(transformer, size.table_length)
    generator = torch.Generator().manual_seed(0)
    config = transformer.config
    shape = (1, config.in_channels, 2 * size.rows, 2 * size.columns)
    latents = torch.randn(shape, generator=generator)
    caption = torch.randn((size.num_tokens, config.cap_feat_dim), generator=generator)
    return predict_velocity(transformer, latents, 0.5, [caption])


def fits(transformer: ZImageTransformer2DModel, size: ProbeSize) -> bool:
    """Whether every position is in the tables; only for a transformer on the CPU."""
    try:
        run_probe(transformer, size)
    except IndexError:
        return False
    return True


def fits_in_own_process(folder: Path, device: torch.device, size: ProbeSize) -> bool:
    """Whether every position is in the tables, tried on any device in a process of its own.

    Args:
        folder: folder of the transformer. Only one layer of each kind is built, with random
            weights, because the tables alone decide what fits.
        device: where to run.
        size: size of the inputs to try.

    Raises:
        RuntimeError: the process failed for another reason.
    """
    words = [str(folder), str(device), *(str(value or 0) for value in size)]
    done = subprocess.run(
        [sys.executable, "-m", __name__, *words], capture_output=True, text=True, check=False
    )
    answer = done.stdout.strip()
    if answer not in (FITS, OVERRUNS):
        raise RuntimeError(f"probe of {size} failed: {done.stderr.strip()[-2000:]}")
    return answer == FITS


def find_positions(transformer: ZImageTransformer2DModel, num_tokens: int) -> Positions:
    """The positions on axis 0 that the transformer looks up, read from its calls of the table."""
    recorded_ids: list[torch.Tensor] = []

    class RecordingRope(RopeEmbedder):
        def __call__(self, ids: torch.Tensor) -> torch.Tensor:
            recorded_ids.append(ids[:, 0].cpu())
            return super().__call__(ids)

    embedder, view = transformer.rope_embedder, view_module(transformer)
    lengths = [num_tokens + 64, *embedder.axes_lens[1:]]  # more than the caption's padding needs
    view.rope_embedder = RecordingRope(embedder.theta, embedder.axes_dims, lengths)
    run_probe(view, ProbeSize(num_tokens))
    image, caption = recorded_ids  # in this order; pads of the image stand at 0
    return Positions(int(caption[0]), int(caption.max()), int(image.max()))


def _answer(folder: str, device: str, *numbers: str) -> None:
    config = ZImageTransformer2DModel.load_config(folder)
    with torch.device(device):
        small = {**config, "n_layers": 1, "n_refiner_layers": 1}
        transformer = ZImageTransformer2DModel.from_config(small).eval()
    tokens, rows, columns, table_length = map(int, numbers)
    size = ProbeSize(tokens, rows, columns, table_length or None)
    try:
        run_probe(transformer, size)  # its result is on the CPU, so a GPU's failure shows here
        answer = FITS
    except IndexError:
        answer = OVERRUNS
    except RuntimeError as error:
        if "device-side assert" not in str(error):
            raise
        answer = OVERRUNS
    print(answer, flush=True)
    os._exit(0)  # after a device assert, a normal exit would fail


if __name__ == "__main__":
    _answer(*sys.argv[1:])
