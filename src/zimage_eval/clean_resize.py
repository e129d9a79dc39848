"""Pillow's float bicubic resize on tensors, as clean-fid feeds networks (Parmar et al. 2022)."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

BICUBIC_SUPPORT = 2.0
BLOCK = 16
"""Outputs a matrix product makes at once: it reads only the inputs that they depend on."""
CHUNK = 256
"""Rows resized at once, so that they stay in the cache."""
FLOAT32_HALF = 1 << 28
"""Of the 29 bits that float64 has beyond float32, the value where rounding turns."""
TIE_WIDTH = 1 << 16
"""So near to that value the order of a sum can decide the rounding: sums are off by less."""
SMALL = 1 / 32
"""Sums below may be off by more, as their terms cancel."""


@dataclass(frozen=True)
class Kernel:
    """How one axis is resampled; all weights float64."""

    blocks: tuple[tuple[slice, slice, Tensor], ...]
    """Outputs, the inputs that they depend on, `(num_block_outputs, num_block_inputs)` weights."""
    places: Tensor
    """`(num_outputs, num_taps)` int64: the inputs of each output, in order."""
    taps: Tensor
    """`(num_outputs, num_taps)`: their weights, 0 beyond the last."""


def clean_resize(images: Tensor, size: int) -> Tensor:
    """`(num_images, 3, size, size)` float32 in [0, 255] of `(num_images, 3, height, width)` uint8.

    Bit for bit clean-fid's mode "clean": each channel through Pillow's antialiased bicubic in mode
    F (float64 sums, rounded to float32 between the two passes), clipped, not rounded to levels.
    The sums are blocked matrix products; the few whose order could decide the rounding to float32
    are made again in Pillow's order.

    Raises:
        ValueError: the images are not such a tensor.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(
            f"want uint8 (num_images, 3, height, width), got {images.dtype} {tuple(images.shape)}"
        )
    height, width = images.shape[2:]
    if height > size and 2 * width < size + height:  # where Pillow 13 goes down first
        return clean_resize(images.transpose(2, 3), size).transpose(2, 3)
    across = bicubic_kernel(width, size, images.device)
    down = bicubic_kernel(height, size, images.device)
    resized = torch.empty(len(images), 3, size, size, device=images.device)
    for image, result in zip(images, resized, strict=True):
        rows = _resize_rows(image.flatten(0, 1), across).view(3, -1, size)
        for channel, pixels in zip(result, rows, strict=True):
            channel.copy_(_resize_columns(pixels.double(), down))
    return resized.clamp_(0, 255)


def _resize_rows(pixels: Tensor, kernel: Kernel) -> Tensor:
    """`(num_rows, num_outputs)` float32 of `(num_rows, num_inputs)` uint8."""
    sums = torch.empty(len(pixels), len(kernel.taps), dtype=torch.float64, device=pixels.device)
    near = torch.empty_like(sums, dtype=torch.bool)
    for chunk, done, ties in zip(*(x.split(CHUNK) for x in (pixels, sums, near)), strict=True):
        wide = chunk.double()
        for outputs, inputs, weights in kernel.blocks:
            torch.mm(wide[:, inputs], weights.T, out=done[:, outputs])
        _find_ties(done, out=ties)
    row, output = _places(near, sums)
    sums[row, output] = _sum_in_order(
        pixels[row[:, None], kernel.places[output]], kernel.taps[output]
    )
    return sums.float()


def _resize_columns(pixels: Tensor, kernel: Kernel) -> Tensor:
    """`(num_outputs, num_columns)` float64 of `(num_inputs, num_columns)` float64."""
    sums = torch.empty(len(kernel.taps), pixels.shape[1], dtype=torch.float64, device=pixels.device)
    for outputs, inputs, weights in kernel.blocks:
        torch.mm(weights, pixels[inputs], out=sums[outputs])
    near = _find_ties(sums, torch.empty_like(sums, dtype=torch.bool))
    output, column = _places(near, sums)
    sums[output, column] = _sum_in_order(
        pixels[kernel.places[output], column[:, None]], kernel.taps[output]
    )
    return sums


def _find_ties(sums: Tensor, out: Tensor) -> Tensor:
    """Fill `out` with where the order of a sum could decide its rounding to float32."""
    beyond = sums.view(torch.int64) + (TIE_WIDTH - FLOAT32_HALF)
    torch.lt(beyond.bitwise_and_(2 * FLOAT32_HALF - 1), 2 * TIE_WIDTH, out=out)
    return out.logical_or_(sums.abs() < SMALL)


def _places(near: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of each tie but of sums that are 0, as all are in black pictures."""
    places = torch.from_numpy(np.flatnonzero(near.cpu().numpy())).to(near.device)
    places = places[sums.view(-1)[places] != 0]
    return places // near.shape[1], places % near.shape[1]


def _sum_in_order(values: Tensor, taps: Tensor) -> Tensor:
    """`(num_sums,)`, from the first tap to the last without fused products, as Pillow sums."""
    total = torch.zeros(len(taps), dtype=torch.float64, device=taps.device)
    for product in (values * taps).unbind(dim=1):
        total += product
    return total


@cache
def bicubic_kernel(num_inputs: int, num_outputs: int, device: torch.device) -> Kernel:
    """Pillow's weights, as `precompute_coeffs` of its `Resample.c` computes them.

    Keys' kernel with a = -0.5, stretched by the scale where the picture shrinks.
    """
    scale = num_inputs / num_outputs
    stretch = max(scale, 1.0)
    support = BICUBIC_SUPPORT * stretch
    firsts, rows = [], []
    for output in range(num_outputs):
        center = (output + 0.5) * scale
        first = max(int(center - support + 0.5), 0)
        last = min(int(center + support + 0.5), num_inputs)
        taps = [_bicubic((x - center + 0.5) * (1.0 / stretch)) for x in range(first, last)]
        firsts.append(first)
        total = 0.0
        for tap in taps:  # not sum(), which compensates from Python 3.12 on
            total += tap
        rows.append(torch.tensor([tap / total for tap in taps], dtype=torch.float64))
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    places = torch.tensor(firsts)[:, None] + torch.arange(padded.shape[1])
    places = places.clamp_(max=num_inputs - 1)
    dense = torch.zeros(num_outputs, num_inputs, dtype=torch.float64)
    dense.scatter_add_(1, places, padded)
    return Kernel(tuple(_blocks(dense, device)), places.to(device), padded.to(device))


def _blocks(dense: Tensor, device: torch.device) -> list[tuple[slice, slice, Tensor]]:
    blocks = []
    for first, last in pairwise([*range(0, len(dense), BLOCK), len(dense)]):
        used = dense[first:last].any(dim=0).nonzero()
        inputs = slice(int(used[0]), int(used[-1]) + 1)
        weights = dense[first:last, inputs].contiguous().to(device)
        blocks.append((slice(first, last), inputs, weights))
    return blocks


def _bicubic(x: float) -> float:
    a, x = -0.5, abs(x)
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    if x < 2.0:
        return (((x - 5) * x + 8) * x - 4) * a
    return 0.0
