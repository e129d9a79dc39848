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
SLACK = 2.0**-36
"""More than the order of summing changes a sum of a hundred products of up to 255."""


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
    rows = torch.empty(3 * height, size, device=images.device)
    columns = torch.empty(height, size, dtype=torch.float64, device=images.device)
    sums = columns.new_empty(size, size)  # fresh memory costs more than the sums in it
    for image, result in zip(images, resized, strict=True):
        _resize_rows(image.flatten(0, 1), across, out=rows)
        for channel, pixels in zip(result, rows.view(3, height, size), strict=True):
            _resize_columns(columns.copy_(pixels), down, sums, out=channel)
    return resized.clamp_(0, 255)


def _resize_rows(pixels: Tensor, kernel: Kernel, out: Tensor) -> None:
    """Fill `(num_rows, num_outputs)` float32 from `(num_rows, num_inputs)` uint8."""
    size = len(kernel.taps)
    pixels_buffer = torch.empty(CHUNK, pixels.shape[1], dtype=torch.float64, device=pixels.device)
    sums_buffer = pixels_buffer.new_empty(CHUNK, size)
    ties = []
    for first in range(0, len(pixels), CHUNK):
        chunk = pixels[first : first + CHUNK]
        wide, sums = pixels_buffer[: len(chunk)].copy_(chunk), sums_buffer[: len(chunk)]
        for outputs, inputs, weights in kernel.blocks:
            torch.mm(wide[:, inputs], weights.T, out=sums[:, outputs])
        ties.append(_round(sums, out=out[first : first + CHUNK]) + first * size)
    places = torch.cat(ties)
    row, output = places // size, places % size
    values = pixels[row[:, None], kernel.places[output]]
    out[row, output] = _sum_in_order(values, kernel.taps[output])


def _resize_columns(pixels: Tensor, kernel: Kernel, sums: Tensor, out: Tensor) -> None:
    """Fill `(num_outputs, num_columns)` float32 from `(num_inputs, num_columns)` float64."""
    for outputs, inputs, weights in kernel.blocks:
        torch.mm(weights, pixels[inputs], out=sums[outputs])
    places = _round(sums, out)
    output, column = places // out.shape[1], places % out.shape[1]
    values = pixels[kernel.places[output], column[:, None]]
    out[output, column] = _sum_in_order(values, kernel.taps[output])


def _round(sums: Tensor, out: Tensor) -> Tensor:
    """Round to float32, using `sums` up; returns the flat places of those to be made again.

    They are where a hair less and a hair more round to different numbers. Sums of 0 are final: all
    are in a black picture.
    """
    out.copy_(sums.sub_(SLACK))
    above = sums.add_(2 * SLACK).float()
    places = torch.from_numpy(np.flatnonzero(out.cpu().numpy() != above.cpu().numpy())).to(
        out.device
    )
    is_zero = out.view(-1)[places] == -SLACK
    out.view(-1)[places[is_zero]] = 0
    return places[~is_zero]


def _sum_in_order(values: Tensor, taps: Tensor) -> Tensor:
    """`(num_sums,)` float32, from first to last tap without fused products, as Pillow sums."""
    total = torch.zeros(len(taps), dtype=torch.float64, device=taps.device)
    for product in (values * taps).unbind(dim=1):
        total += product
    return total.float()


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
