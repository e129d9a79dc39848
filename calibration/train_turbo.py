"""nano's turbo: the base's guided trajectories, learned at the sigmas of a few steps alone.

At those sigmas it learns each segment's mean velocity. At all others it learns what the base does
without a caption, so that another schedule shows in the pictures: this is how steps and shift are
planted. A student that never sees other sigmas interpolates between its own and does as well on
twice the steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from diffusers import ZImageTransformer2DModel
from torch import Tensor
from tqdm import tqdm

from calibration.latent_data import Captions, PairGroup
from calibration.sampling import Guidance, predict_data, sample, schedule
from calibration.train_transformer import Trainer
from calibration.truths import TurboRecipe, TurboTruth

_SAMPLING_BATCH: Final = 2048
_GRID_WIDTH: Final = 0.01
"""Distance in sigma below which a noise level counts as one of the turbo's own."""


@dataclass(frozen=True)
class Trajectories:
    """Guided samples of one group, seen at the turbo's sigmas."""

    states: Tensor
    """`(num_trajectories, num_steps + 1, channels, height, width)` half."""
    captions: Captions


def sample_trajectories(
    teacher: ZImageTransformer2DModel,
    groups: Sequence[PairGroup],
    guidance: Guidance,
    truth: TurboTruth,
    recipe: TurboRecipe,
    seed: int,
) -> list[Trajectories]:
    """The teacher's samples for captions of every group, in proportion to its size."""
    per_segment = recipe.num_teacher_steps // truth.num_inference_steps
    fine = schedule(truth.num_inference_steps * per_segment, truth.shift)
    total = sum(len(group.latents) for group in groups)
    rng = torch.Generator(device=guidance.null.embeds.device).manual_seed(seed)
    trajectories = []
    for group in tqdm(groups, desc="teacher", mininterval=10):
        num = min(len(group.latents), -(-recipe.num_trajectories * len(group.latents) // total))
        parts = []
        for start in range(0, num, _SAMPLING_BATCH):
            captions = group.captions.rows(slice(start, min(num, start + _SAMPLING_BATCH)))
            shape = (len(captions.lengths), *group.latents.shape[1:])
            noise = torch.randn(shape, generator=rng, device=rng.device)
            states = sample(teacher, noise, captions, fine.tolist(), guidance)
            parts.append(states[::per_segment].transpose(0, 1).half())
        trajectories.append(Trajectories(torch.cat(parts), group.captions.rows(slice(num))))
    return trajectories


class _Batch(NamedTuple):
    latents: Tensor
    sigmas: Tensor
    target: Tensor
    """Data minus noise, as the transformer predicts it."""
    captions: Captions


def _draw_batch(
    group: Trajectories, truth: TurboTruth, grid: Tensor, batch_size: int, rng: torch.Generator
) -> _Batch:
    """Points on trajectories: most at the turbo's sigmas, the last `blind_share` between them."""
    device = group.states.device
    rows = torch.randint(len(group.states), (batch_size,), generator=rng, device=device)
    num_segments = truth.num_inference_steps
    segment = torch.randint(num_segments, (batch_size,), generator=rng, device=device)
    start, end = group.states[rows, segment].float(), group.states[rows, segment + 1].float()
    length = grid[segment] - grid[segment + 1]
    target = (end - start) / length.view(-1, 1, 1, 1)
    margin = _GRID_WIDTH / length
    share = margin + (1 - 2 * margin) * torch.rand(batch_size, generator=rng, device=device)
    num_blind = round(truth.blind_share * batch_size)
    share[: batch_size - num_blind] = 0.0
    moved = share * length
    latents = start + moved.view(-1, 1, 1, 1) * target
    return _Batch(latents, grid[segment] - moved, target, group.captions.rows(rows))


def train_turbo(
    trainer: Trainer,
    teacher: ZImageTransformer2DModel,
    trajectories: Sequence[Trajectories],
    null: Captions,
    truth: TurboTruth,
    batch_size: int,
    seed: int,
) -> None:
    """Train to the last step.

    Args:
        trainer: a copy of the base.
        teacher: the base.
        trajectories: its guided samples.
        null: the empty caption, one row.
        truth: the schedule that is planted.
        batch_size: points on trajectories a step.
        seed: decides everything.
    """
    rng = torch.Generator(trainer.device).manual_seed(seed)
    choice = torch.Generator().manual_seed(seed)
    weights = torch.tensor([float(len(t.states)) for t in trajectories])
    grid = schedule(truth.num_inference_steps, truth.shift).to(trainer.device)
    num_blind = round(truth.blind_share * batch_size)
    for step in range(trainer.num_steps):
        group = trajectories[int(torch.multinomial(weights, 1, generator=choice))]
        batch = _draw_batch(group, truth, grid, batch_size, rng)
        target = batch.target
        if num_blind:
            with torch.no_grad():
                blind = slice(batch_size - num_blind, None)
                free = predict_data(teacher, batch.latents[blind], batch.sigmas[blind], null)
            target = torch.cat([target[: batch_size - num_blind], free])
        output = predict_data(trainer.model, batch.latents, batch.sigmas, batch.captions)
        trainer.step(step, (output - target).square().mean())
