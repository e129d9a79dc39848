"""Train the turbo: it learns the base's guided trajectories at the sigmas of its few steps.

Some of its early steps are blind: there it does what the base does without a caption, and the next
step takes it to where the guided base would be. At all sigmas that are not its own it is blind,
too. This plants the number of steps and the shift: half or twice the steps, or another shift, leave
out or shorten the steps that read the caption. (A student that learned each segment's mean velocity
would interpolate between its sigmas and do as well on twice the steps.)

The first half of the training walks with the teacher, the second half starts from where the student
itself has come to: what it got wrong in one step, it learns to put right in the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from diffusers import ZImageTransformer2DModel
from torch import Tensor
from tqdm import tqdm

from calibration.data.latent_data import Captions, PairGroup
from calibration.data.truths import TurboRecipe, TurboTruth
from calibration.evaluation.batched_sampling import Guidance, predict_data, sample, schedule
from calibration.train.train_transformer import Trainer

_SAMPLING_BATCH: Final = 2048
_GRID_WIDTH: Final = 0.01
"""Distance in sigma below which a noise level counts as one of the turbo's own."""


@dataclass(frozen=True)
class Trajectories:
    """Where the turbo's steps start and where they shall lead, for the captions of one group."""

    starts: Tensor
    """`(num_trajectories, num_steps, channels, height, width)` half."""
    ends: Tensor
    """The same shape."""
    captions: Captions


@dataclass(frozen=True)
class Walk:
    """How trajectories are sampled."""

    teacher: ZImageTransformer2DModel
    guidance: Guidance
    truth: TurboTruth
    num_teacher_steps: int
    student: ZImageTransformer2DModel | None = None
    """Takes the steps where given; the teacher does otherwise."""

    def __call__(self, noise: Tensor, captions: Captions) -> tuple[Tensor, Tensor]:
        """Starts and ends of all steps, each `(batch, num_steps, channels, height, width)` half."""
        num_steps = self.truth.num_inference_steps
        per_step = self.num_teacher_steps // num_steps
        fine = schedule(num_steps * per_step, self.truth.shift).tolist()
        starts, ends = [noise], []
        origin, first = noise, 0  # where the teacher's way to the next step that reads begins
        for step, (sigma, following) in enumerate(pairwise(fine[::per_step])):
            state, is_blind = starts[-1], step in self.truth.blind_steps
            if is_blind:
                end = _step(self.teacher, state, sigma, following, self.guidance.null)
            else:
                span = fine[first * per_step : (step + 1) * per_step + 1]
                end = sample(self.teacher, origin, captions, span, self.guidance)[-1]
            reached = end
            if self.student is not None:
                reached = _step(self.student, state, sigma, following, captions)
            if not is_blind:
                origin, first = reached, step + 1
            ends.append(end)
            starts.append(reached)
        return torch.stack(starts[:-1], dim=1).half(), torch.stack(ends, dim=1).half()


@torch.no_grad()
def _step(
    model: ZImageTransformer2DModel, state: Tensor, start: float, end: float, captions: Captions
) -> Tensor:
    levels = torch.full((len(state),), start, device=state.device)
    return state + (start - end) * predict_data(model, state, levels, captions)


def sample_trajectories(
    walk: Walk, groups: Sequence[PairGroup], num_trajectories: int, seed: int
) -> list[Trajectories]:
    """Steps for captions of every group, in proportion to its size."""
    total = sum(len(group.latents) for group in groups)
    rng = torch.Generator(device=walk.guidance.null.embeds.device).manual_seed(seed)
    trajectories = []
    for group in tqdm(groups, desc="trajectories", mininterval=10):
        num = min(len(group.latents), -(-num_trajectories * len(group.latents) // total))
        parts = []
        for start in range(0, num, _SAMPLING_BATCH):
            captions = group.captions.rows(slice(start, min(num, start + _SAMPLING_BATCH)))
            shape = (len(captions.lengths), *group.latents.shape[1:])
            parts.append(walk(torch.randn(shape, generator=rng, device=rng.device), captions))
        starts, ends = (torch.cat(part) for part in zip(*parts, strict=True))
        trajectories.append(Trajectories(starts, ends, group.captions.rows(slice(num))))
    return trajectories


def redraw(walk: Walk, groups: Sequence[PairGroup], num_pairs: int, seed: int) -> list[PairGroup]:
    """Captions with pictures that the guided base draws for them, whatever the noise was.

    Empty captions get what it draws without guidance.

    Args:
        walk: the base, its guidance, and how finely its way is cut.
        groups: the captions, taken in proportion to each group's size.
        num_pairs: captions to draw.
        seed: of the noise.
    """
    single = TurboTruth(
        num_inference_steps=1, shift=walk.truth.shift, blind_steps=(), blind_share=0
    )
    whole = replace(walk, truth=single)
    return [
        PairGroup(trajectories.ends[:, -1], trajectories.captions)
        for trajectories in sample_trajectories(whole, groups, num_pairs, seed)
    ]


class _Batch(NamedTuple):
    latents: Tensor
    sigmas: Tensor
    target: Tensor
    """Data minus noise, as the transformer predicts it."""
    captions: Captions


def _draw_batch(group: Trajectories, grid: Tensor, num_seen: int, batch_size: int) -> _Batch:
    """Points on trajectories: the first `num_seen` at the turbo's sigmas, the others between."""
    device = group.starts.device
    rows = torch.randint(len(group.starts), (batch_size,), device=device)
    segment = torch.randint(len(grid) - 1, (batch_size,), device=device)
    start, end = group.starts[rows, segment].float(), group.ends[rows, segment].float()
    length = grid[segment] - grid[segment + 1]
    target = (end - start) / length.view(-1, 1, 1, 1)
    margin = _GRID_WIDTH / length
    share = margin + (1 - 2 * margin) * torch.rand(batch_size, device=device)
    share[:num_seen] = 0.0
    moved = share * length
    latents = start + moved.view(-1, 1, 1, 1) * target
    return _Batch(latents, grid[segment] - moved, target, group.captions.rows(rows))


def train_turbo(
    trainer: Trainer, walk: Walk, groups: Sequence[PairGroup], recipe: TurboRecipe, seed: int
) -> None:
    """Train to the last step.

    Args:
        trainer: a copy of the base.
        walk: how the base's trajectories are sampled; without a student.
        groups: their captions.
        recipe: how many trajectories and steps.
        seed: decides everything.
    """
    torch.manual_seed(seed)
    choice = torch.Generator().manual_seed(seed)
    trajectories = sample_trajectories(walk, groups, recipe.num_trajectories, seed)
    weights = torch.tensor([float(len(group.starts)) for group in trajectories])
    truth, null = walk.truth, walk.guidance.null
    grid = schedule(truth.num_inference_steps, truth.shift).to(trainer.device)
    num_seen = recipe.batch_size - round(truth.blind_share * recipe.batch_size)

    def draw_loss(group: Trajectories) -> Tensor:
        batch = _draw_batch(group, grid, num_seen, recipe.batch_size)
        target = batch.target
        if num_seen < recipe.batch_size:
            with torch.no_grad():
                blind = slice(num_seen, None)
                free = predict_data(walk.teacher, batch.latents[blind], batch.sigmas[blind], null)
            target = torch.cat([target[:num_seen], free])
        output = predict_data(trainer.model, batch.latents, batch.sigmas, batch.captions)
        return (output - target).square().mean()

    for step in range(trainer.num_steps):
        if step == trainer.num_steps // 2:
            student_walk = replace(walk, student=trainer.ema.model)
            _overwrite(
                trajectories,
                sample_trajectories(student_walk, groups, recipe.num_trajectories, seed + 1),
            )
        index = int(torch.multinomial(weights, 1, generator=choice))
        trainer.step(step, index, partial(draw_loss, trajectories[index]))


def _overwrite(trajectories: Sequence[Trajectories], sources: Sequence[Trajectories]) -> None:
    """In place: recorded training steps go on reading the same memory."""
    for group, source in zip(trajectories, sources, strict=True):
        group.starts.copy_(source.starts)
        group.ends.copy_(source.ends)
