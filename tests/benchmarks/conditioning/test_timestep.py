"""Hooks that find what sees the timestep, held to modules made for it."""

from functools import partial
from pathlib import Path

import pytest
import torch
from diffusers import ZImageTransformer2DModel
from torch import nn

from zimage_eval.benchmarks.conditioning.timestep import (
    changed_modules,
    cost_by_part,
    module_outputs,
    share_by_part,
    with_kept_refiner,
)
from zimage_eval.sampling.denoising import predict_velocity

LATENTS = torch.randn(1, 16, 6, 4, generator=torch.Generator().manual_seed(0))
CAPTION = torch.randn(20, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def transformer(tiny_folder: Path) -> ZImageTransformer2DModel:
    return ZImageTransformer2DModel.from_pretrained(tiny_folder, subfolder="transformer")


class TwoParts(nn.Module):
    """One part that is told the time, one that isn't."""

    def __init__(self) -> None:
        super().__init__()
        self.told = nn.Linear(2, 3)
        self.untold = nn.Linear(2, 3)

    def forward(self, x: torch.Tensor, time: float) -> torch.Tensor:
        return self.told(x * time) + self.untold(x)


def test_the_part_that_is_told_changes() -> None:
    network, x = TwoParts(), torch.ones(1, 2)
    runs = [module_outputs(network, partial(network, x, time)) for time in (0.1, 0.9)]
    changed = changed_modules(*runs)
    assert changed == {"told": True, "untold": False}
    assert share_by_part(changed)["told"] == {"num_modules": 1, "num_see_timestep": 1}
    assert not any(module._forward_hooks for module in network.modules())


def test_shares_are_counted_by_hand() -> None:
    network = TwoParts()
    rows = cost_by_part(network, lambda: network(torch.ones(5, 2), 0.5))
    assert rows["told"]["parameters"] == 9
    assert rows["told"]["flops"] == 2 * 5 * 2 * 3
    assert rows["untold"]["share_of_flops"] == rows["untold"]["share_of_parameters"] == 0.5


def test_the_transformer_tells_all_but_the_caption(transformer: ZImageTransformer2DModel) -> None:
    run = partial(predict_velocity, transformer, LATENTS, prompt_embeds=[CAPTION])
    runs = [module_outputs(transformer, partial(run, sigma=sigma)) for sigma in (1.0, 0.3)]
    shares = share_by_part(changed_modules(*runs))
    assert shares["context_refiner"]["num_see_timestep"] == 0
    assert shares["cap_embedder"]["num_see_timestep"] == 0
    assert shares["layers"]["num_see_timestep"] > 0
    assert shares["noise_refiner"]["num_see_timestep"] > 0


def test_costs_of_the_transformer_are_all_of_it(transformer: ZImageTransformer2DModel) -> None:
    rows = cost_by_part(transformer, lambda: predict_velocity(transformer, LATENTS, 0.5, [CAPTION]))
    assert sum(row["share_of_flops"] for row in rows.values()) == pytest.approx(1)
    pads = transformer.x_pad_token.numel() + transformer.cap_pad_token.numel()
    counted = sum(row["parameters"] for row in rows.values())
    assert counted + pads == sum(p.numel() for p in transformer.parameters())


def test_a_kept_refiner_runs_once_and_gives_the_same(
    transformer: ZImageTransformer2DModel,
) -> None:
    view = with_kept_refiner(transformer)
    calls: list[int] = []
    handle = transformer.context_refiner[0].register_forward_hook(lambda *_: calls.append(1))
    found = [predict_velocity(view, LATENTS, sigma, [CAPTION]) for sigma in (1.0, 0.4)]
    handle.remove()
    assert len(calls) == 1
    for sigma, velocity in zip((1.0, 0.4), found, strict=True):
        assert torch.equal(velocity, predict_velocity(transformer, LATENTS, sigma, [CAPTION]))
