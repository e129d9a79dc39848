"""Rounded weights: exact on their own grid, within half a step elsewhere, and torchao's."""

import pytest
import torch
from torch import nn

from zimage_eval.benchmarks.machine.quantization import (
    NumBits,
    packed_bytes,
    quantized_copy,
    round_weights,
)

GROUP = 32
each_width = pytest.mark.parametrize("num_bits", [8, 4])


def random_weights(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@each_width
def test_what_is_on_the_grid_stays(num_bits: NumBits) -> None:
    lowest = -(2 ** (num_bits - 1))
    integers = torch.randint(lowest + 1, -lowest, (4, GROUP)).float()
    # Scales are the largest weight over half the number of steps.
    integers[:, 0] = -(2**num_bits - 1) / 2
    found = round_weights(integers * 0.25, num_bits, GROUP)
    assert torch.equal(found[:, 1:], integers[:, 1:] * 0.25)


@each_width
def test_nothing_moves_by_more_than_half_a_step(num_bits: NumBits) -> None:
    weights = random_weights(16, 128)
    groups = weights if num_bits == 8 else weights.reshape(-1, GROUP)
    step = groups.abs().amax(dim=1, keepdim=True) / ((2**num_bits - 1) / 2)
    moved = (round_weights(weights, num_bits, GROUP) - weights).reshape(groups.shape).abs()
    assert (moved <= step * 0.5001).all()
    assert len(round_weights(weights[:1], num_bits, 128).unique()) <= 2**num_bits


@each_width
def test_zero_weights_stay_zero_and_dtypes_stay(num_bits: NumBits) -> None:
    zeros = torch.zeros(4, 64, dtype=torch.bfloat16)
    assert torch.equal(round_weights(zeros, num_bits, GROUP), zeros)


def test_a_last_group_may_be_smaller() -> None:
    weights = random_weights(4, 40)
    found = round_weights(weights, 4, GROUP)
    assert torch.equal(found[:, GROUP:], round_weights(weights[:, GROUP:], 4, 8))


@each_width
def test_it_is_torchaos_rounding(num_bits: NumBits) -> None:
    quantization = pytest.importorskip("torchao.quantization")
    granularity = pytest.importorskip("torchao.quantization.granularity")
    layer = nn.Linear(128, 16, bias=False)
    layer.weight.data = random_weights(16, 128)
    config = quantization.IntxWeightOnlyConfig(
        weight_dtype=getattr(torch, f"int{num_bits}"),
        granularity=granularity.PerAxis(0) if num_bits == 8 else granularity.PerGroup(GROUP),
    )
    quantization.quantize_(layer, config)
    own = round_weights(random_weights(16, 128), num_bits, GROUP)
    assert torch.equal(layer.weight.dequantize(), own)


def test_a_copy_is_rounded_and_the_module_is_not() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Embedding(8, 64), nn.Linear(64, 8), nn.LayerNorm(8))
    before = {key: value.clone() for key, value in module.state_dict().items()}
    changed = quantized_copy(module, 4, GROUP)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    different = [k for k, v in changed.state_dict().items() if not torch.equal(v, before[k])]
    assert different == ["1.weight"]


def test_bytes_by_hand() -> None:
    module = nn.Sequential(nn.Linear(64, 10), nn.Conv2d(4, 6, 3, bias=False)).bfloat16()
    linear, conv, bias = 640, 216, 10
    assert packed_bytes(module, None, GROUP) == (linear + conv + bias) * 2
    assert packed_bytes(module, 8, GROUP) == linear + 10 * 2 + bias * 2 + conv + 6 * 2
    # 36 inputs of the convolution are two groups.
    assert packed_bytes(module, 4, GROUP) == 320 + 20 * 2 + bias * 2 + 108 + 6 * 2 * 2
