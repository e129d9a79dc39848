"""Resizing as in clean-fid (Parmar et al. 2022): Pillow's float bicubic, bit for bit."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zimage_eval.statistics.estimates import Floats

Levels = NDArray[np.float32]

BICUBIC_SUPPORT = 2.0
BLOCK = 8
"""Outputs of one matrix product, which reads only the inputs that they depend on."""
CHUNK = 256
"""Rows that are resized at once: few enough for the cache, and for BLAS to start no threads."""
SLACK = np.float32(2.0**-36)
"""More than the order of summation can change a sum of a hundred products of up to 255."""


class Block(NamedTuple):
    """Neighboring outputs, the inputs that they depend on, and the weights."""

    outputs: slice
    inputs: slice
    weights: Floats
    """`(num_block_outputs, num_block_inputs)`, contiguous."""
    transposed: Floats
    """The same, `(num_block_inputs, num_block_outputs)`."""


@dataclass(frozen=True)
class Kernel:
    """The weights with which one axis is resampled."""

    blocks: tuple[Block, ...]
    places: NDArray[np.int64]
    """`(num_outputs, num_taps)`: indices of the inputs of each output, in order."""
    taps: Floats
    """`(num_outputs, num_taps)`: weights of these inputs, 0 beyond an output's last one."""


def clean_resize(images: Tensor, size: int) -> Tensor:
    """`(num_images, 3, size, size)` float32 in [0, 255] of `(num_images, 3, height, width)` uint8.

    Both are on the CPU. The result is bit-identical to clean-fid's mode "clean": Pillow's
    antialiased bicubic in mode F for each channel (float64 sums, rounded to float32 between the two
    passes), clipped, not rounded to levels. The sums are computed as blocked matrix products of
    NumPy, whose OpenBLAS is several times as fast as torch's MKL on such narrow ones (on an AMD
    EPYC). The few sums whose rounding to float32 could depend on the order of summation are
    computed again in Pillow's order.

    Raises:
        ValueError: the images are not such a tensor.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(
            f"want uint8 (num_images, 3, height, width), got {images.dtype} {tuple(images.shape)}"
        )
    height, width = images.shape[2:]
    if height > size and 2 * width < size + height:  # here Pillow 13 resizes columns first
        return clean_resize(images.transpose(2, 3), size).transpose(2, 3)
    across, down = bicubic_kernel(width, size), bicubic_kernel(height, size)
    resized = np.empty((len(images), 3, size, size), dtype=np.float32)
    rows = np.empty((3 * height, size), dtype=np.float32)
    columns = np.empty((height, size))
    for image, result in zip(images.contiguous().numpy(), resized, strict=True):
        _resize_rows(image.reshape(3 * height, width), across, out=rows)
        for channel, pixels in zip(result, rows.reshape(3, height, size), strict=True):
            columns[:] = pixels
            _resize_columns(columns, down, out=channel)
    return torch.from_numpy(np.clip(resized, 0, 255, out=resized))


def _resize_rows(pixels: NDArray[np.uint8], kernel: Kernel, out: Levels) -> None:
    """Fill `(num_rows, num_outputs)` from `(num_rows, num_inputs)`."""
    size = out.shape[1]
    wide_buffer = np.empty((CHUNK, pixels.shape[1]))  # allocating costs more than summing
    sums_buffer = np.empty((CHUNK, size))
    for first in range(0, len(pixels), CHUNK):
        chunk = pixels[first : first + CHUNK]
        wide, sums = wide_buffer[: len(chunk)], sums_buffer[: len(chunk)]
        wide[:] = chunk
        for block in kernel.blocks:
            np.matmul(wide[:, block.inputs], block.transposed, out=sums[:, block.outputs])
        filled = out[first : first + CHUNK]
        row, output = _round(sums, out=filled)
        values = chunk[row[:, None], kernel.places[output]].astype(np.float64)
        filled[row, output] = _sum_in_order(values, kernel.taps[output])


def _resize_columns(pixels: Floats, kernel: Kernel, out: Levels) -> None:
    """Fill `(num_outputs, num_columns)` from `(num_inputs, num_columns)`."""
    sums = np.empty(out.shape)
    for block in kernel.blocks:
        np.matmul(block.weights, pixels[block.inputs], out=sums[block.outputs])
    output, column = _round(sums, out)
    values = pixels[kernel.places[output], column[:, None]]
    out[output, column] = _sum_in_order(values, kernel.taps[output])


def _round(sums: Floats, out: Levels) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Round `sums` into `out`; returns rows and columns of the sums to compute again.

    These are the sums for which a little less and a little more round to different numbers. Sums of
    0 are never among them: a black picture has no others, and would be slow. `sums` is overwritten.
    """
    sums -= SLACK
    out[:] = sums
    sums += 2 * SLACK
    row, column = divmod(np.flatnonzero(out != sums.astype(np.float32)), out.shape[1])
    is_zero = out[row, column] == -SLACK
    out[row[is_zero], column[is_zero]] = 0
    return row[~is_zero], column[~is_zero]


def _sum_in_order(values: Floats, taps: Floats) -> Levels:
    """`(num_sums,)` sums of value times weight in Pillow's order, without fused products."""
    total = np.zeros(len(taps))
    for product in (values * taps).T:
        total += product
    return total.astype(np.float32)


@cache
def bicubic_kernel(num_inputs: int, num_outputs: int) -> Kernel:
    """Pillow's weights, computed as by `precompute_coeffs` in its `Resample.c`.

    The bicubic kernel of Keys with a = -0.5, stretched by the scale if the picture shrinks.
    """
    scale = num_inputs / num_outputs
    stretch = max(scale, 1.0)
    support = BICUBIC_SUPPORT * stretch
    num_taps = int(support + 0.5) * 2 + 1
    places = np.zeros((num_outputs, num_taps), dtype=np.int64)
    padded = np.zeros((num_outputs, num_taps))
    dense = np.zeros((num_outputs, num_inputs))
    for output in range(num_outputs):
        center = (output + 0.5) * scale
        first = max(int(center - support + 0.5), 0)
        last = min(int(center + support + 0.5), num_inputs)
        taps = [_bicubic((x - center + 0.5) * (1.0 / stretch)) for x in range(first, last)]
        total = 0.0
        for tap in taps:  # not sum(), which compensates from Python 3.12 on
            total += tap
        padded[output, : len(taps)] = dense[output, first:last] = np.array(taps) / total
        places[output] = np.minimum(np.arange(first, first + num_taps), num_inputs - 1)
    return Kernel(blocks=tuple(_blocks(dense)), places=places, taps=padded)


def _blocks(dense: Floats) -> list[Block]:
    blocks = []
    for first, last in pairwise([*range(0, len(dense), BLOCK), len(dense)]):
        used = np.flatnonzero(dense[first:last].any(axis=0))
        inputs = slice(int(used[0]), int(used[-1]) + 1)
        weights = np.ascontiguousarray(dense[first:last, inputs])
        blocks.append(
            Block(
                outputs=slice(first, last),
                inputs=inputs,
                weights=weights,
                transposed=np.ascontiguousarray(weights.T),
            )
        )
    return blocks


def _bicubic(x: float) -> float:
    a, x = -0.5, abs(x)
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    if x < 2.0:
        return (((x - 5) * x + 8) * x - 4) * a
    return 0.0
