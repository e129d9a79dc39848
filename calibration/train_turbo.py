"""nano's turbo: the base's guided trajectories, learned at the sigmas of a few steps alone.

Its steps come in pairs. In the first one it does what the base does without a caption; the second
one takes it to where the guided base would be, and there alone it reads its caption. At all other
sigmas it does without, too. This is how steps and shift are planted: half or twice the steps, or
another shift, leave out or shorten the steps that read. (A student of each segment's mean velocity
interpolates between its own sigmas and does as well on twice the steps.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
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
    """Guided samples of one group as the turbo shall draw them."""

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
            states = sample(teacher, noise, captions, fine.tolist(), guidance)[::per_segment]
            _step_blind(teacher, states, fine[::per_segment].tolist(), guidance.null)
            parts.append(states.transpose(0, 1).half())
        trajectories.append(Trajectories(torch.cat(parts), group.captions.rows(slice(num))))
    return trajectories


@torch.no_grad()
def _step_blind(
    teacher: ZImageTransformer2DModel, states: Tensor, sigmas: Sequence[float], null: Captions
) -> None:
    """Replace every second state by where the one before it leads without a caption, in place."""
    for index in range(1, len(states), 2):
        start, end = sigmas[index - 1], sigmas[index]
        levels = torch.full((states.shape[1],), start, device=states.device)
        free = predict_data(teacher, states[index - 1], levels, null)
        states[index] = states[index - 1] + (start - end) * free


class _Batch(NamedTuple):
    latents: Tensor
    sigmas: Tensor
    target: Tensor
    """Data minus noise, as the transformer predicts it."""
    captions: Captions


def _draw_batch(group: Trajectories, grid: Tensor, num_seen: int, batch_size: int) -> _Batch:
    """Points on trajectories: the first `num_seen` at the turbo's sigmas, the others between."""
    device = group.states.device
    rows = torch.randint(len(group.states), (batch_size,), device=device)
    segment = torch.randint(len(grid) - 1, (batch_size,), device=device)
    start, end = group.states[rows, segment].float(), group.states[rows, segment + 1].float()
    length = grid[segment] - grid[segment + 1]
    target = (end - start) / length.view(-1, 1, 1, 1)
    margin = _GRID_WIDTH / length
    share = margin + (1 - 2 * margin) * torch.rand(batch_size, device=device)
    share[:num_seen] = 0.0
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
    torch.manual_seed(seed)
    choice = torch.Generator().manual_seed(seed)
    weights = torch.tensor([float(len(t.states)) for t in trajectories])
    grid = schedule(truth.num_inference_steps, truth.shift).to(trainer.device)
    num_seen = batch_size - round(truth.blind_share * batch_size)

    def draw_loss(group: Trajectories) -> Tensor:
        batch = _draw_batch(group, grid, num_seen, batch_size)
        target = batch.target
        if num_seen < batch_size:
            with torch.no_grad():
                blind = slice(num_seen, None)
                free = predict_data(teacher, batch.latents[blind], batch.sigmas[blind], null)
            target = torch.cat([target[:num_seen], free])
        output = predict_data(trainer.model, batch.latents, batch.sigmas, batch.captions)
        return (output - target).square().mean()

    for step in range(trainer.num_steps):
        index = int(torch.multinomial(weights, 1, generator=choice))
        trainer.step(step, index, partial(draw_loss, trajectories[index]))
