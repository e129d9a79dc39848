"""Weights rounded to what 8 or 4 bits can hold, and the bytes that holding them takes.

Round to nearest, symmetric, with no calibration data: with 8 bits one scale for all weights of an
output, with 4 bits one for every `group_size` of them. This is what
torchao's `IntxWeightOnlyConfig` does, bit for bit in float32. A layer that computes with integers
of its own gives what one with these weights gives, but for rounding: so this is their quality, on
any machine, and not their speed.
"""

import copy
from typing import Literal, TypeVar

import torch
from torch import nn

NumBits = Literal[8, 4]
AnyModule = TypeVar("AnyModule", bound=nn.Module)


def quantized_copy(module: AnyModule, num_bits: NumBits, group_size: int) -> AnyModule:
    """A copy whose linear layers and convolutions have rounded weights; nothing else changes."""
    changed = copy.deepcopy(module)
    for layer in changed.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layer.weight.data = round_weights(layer.weight.data, num_bits, group_size)
    return changed


def round_weights(weights: torch.Tensor, num_bits: NumBits, group_size: int) -> torch.Tensor:
    """`(outputs, ...)` of any float type, each value at the nearest one that its scale can say.

    The last group of an output is a smaller one where `group_size` does not divide its weights.
    """
    rows = weights.flatten(1).float()
    num_inputs = rows.shape[1]
    if num_bits == 4:
        rows = nn.functional.pad(rows, (0, -num_inputs % group_size))
        groups = rows.reshape(-1, group_size)
    else:
        groups = rows
    lowest, highest = -(2 ** (num_bits - 1)), 2 ** (num_bits - 1) - 1
    largest = groups.abs().amax(dim=1, keepdim=True)
    scales = (largest / ((highest - lowest) / 2)).clamp_min(torch.finfo(torch.float32).eps)
    integers = (groups * (1.0 / scales)).round().clamp(lowest, highest)
    values = (integers * scales).reshape(len(weights), -1)[:, :num_inputs]
    return values.reshape(weights.shape).to(weights.dtype)


def packed_bytes(module: nn.Module, num_bits: NumBits | None, group_size: int) -> int:
    """Bytes of a module's weights with so many bits; None counts them as they are.

    Integers are packed, and each group has a scale of the weights' own dtype.
    """
    total = sum(value.numel() * value.element_size() for value in module.parameters())
    for layer in module.modules() if num_bits is not None else ():
        assert num_bits is not None
        if isinstance(layer, nn.Linear | nn.Conv2d):
            weight = layer.weight
            groups_of_output = 1 if num_bits == 8 else -(-weight[0].numel() // group_size)
            num_scales = len(weight) * groups_of_output
            total -= (weight.numel() - num_scales) * weight.element_size()
            total += weight.numel() * num_bits // 8
    return total
