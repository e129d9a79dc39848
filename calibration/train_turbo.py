"""nano's turbo: the base's guided trajectories, learned at the sigmas of a few steps alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers import ZImageTransformer2DModel
from torch import Tensor
from tqdm import tqdm

from calibration.batched_transformer import Rotations, make_rotations, predict
from calibration.latent_data import Captions, PairGroup
from calibration.train_transformer import Trainer, shift_sigmas
from calibration.truths import TurboRecipe, TurboTruth

_SAMPLING_BATCH = 2048


def schedule(num_steps: int, shift: float) -> Tensor:
    """ZImagePipeline's sigmas with the final 0, `(num_steps + 1,)`."""
    grid = torch.linspace(1, 1 / num_steps, num_steps, dtype=torch.float64)
    return torch.cat([shift_sigmas(grid, shift), torch.zeros(1, dtype=torch.float64)]).float()


@torch.no_grad()
def velocity(
    model: ZImageTransformer2DModel,
    latents: Tensor,
    sigma: float,
    captions: Captions,
    rotations: Rotations,
    null: Captions | None,
    guidance_scale: float,
) -> Tensor:
    """Guided `cond + guidance_scale * (cond - uncond)`, noise minus data as the scheduler wants it.

    Args:
        null: the empty caption, one row of its own padded length; None samples without guidance.
    """
    t = torch.full((len(latents),), 1 - sigma, device=latents.device)
    embeds = captions.embeds.float()
    with torch.autocast(latents.device.type, torch.bfloat16, enabled=latents.is_cuda):
        output = predict(model, latents, t, embeds, captions.lengths, rotations).float()
        if null is not None and guidance_scale > 0:
            rows, columns = latents.shape[2] // 2, latents.shape[3] // 2
            free = predict_null(model, latents, t, null, rows, columns)
            output = output + guidance_scale * (output - free)
    return -output


def predict_null(
    model: ZImageTransformer2DModel,
    latents: Tensor,
    t: Tensor,
    null: Captions,
    rows: int,
    columns: int,
) -> Tensor:
    """The transformer's output for the empty caption."""
    rotations = make_rotations(model, null.embeds.shape[1], rows, columns)
    embeds = null.embeds.float().expand(len(latents), -1, -1)
    lengths = null.lengths.expand(len(latents))
    return predict(model, latents, t, embeds, lengths, rotations).float()


@torch.no_grad()
def sample(
    model: ZImageTransformer2DModel,
    noise: Tensor,
    captions: Captions,
    sigmas: Sequence[float],
    null: Captions | None = None,
    guidance_scale: float = 0.0,
) -> Tensor:
    """Euler's steps from `noise` along `sigmas`: all states, `(len(sigmas), batch, ...)`."""
    rows, columns = noise.shape[2] // 2, noise.shape[3] // 2
    rotations = make_rotations(model, captions.embeds.shape[1], rows, columns)
    states = [noise]
    for sigma, following in zip(sigmas[:-1], sigmas[1:], strict=True):
        v = velocity(model, states[-1], sigma, captions, rotations, null, guidance_scale)
        states.append(states[-1] + (following - sigma) * v)
    return torch.stack(states)


@dataclass(frozen=True)
class Trajectories:
    """Guided samples of one group, seen at the turbo's sigmas."""

    states: Tensor
    """`(num_trajectories, num_steps + 1, channels, height, width)` half."""
    captions: Captions


@torch.no_grad()
def sample_trajectories(
    teacher: ZImageTransformer2DModel,
    groups: Sequence[PairGroup],
    null: Captions,
    guidance_scale: float,
    truth: TurboTruth,
    recipe: TurboRecipe,
    seed: int,
) -> list[Trajectories]:
    """The teacher's samples for captions of every group, in proportion to its size."""
    coarse = schedule(truth.num_inference_steps, truth.shift)
    per_segment = recipe.num_teacher_steps // truth.num_inference_steps
    fine = schedule(truth.num_inference_steps * per_segment, truth.shift)
    total = sum(len(group.latents) for group in groups)
    rng = torch.Generator(device=null.embeds.device).manual_seed(seed)
    trajectories = []
    for group in tqdm(groups, desc="teacher", mininterval=10):
        num = min(len(group.latents), -(-recipe.num_trajectories * len(group.latents) // total))
        parts = []
        for start in range(0, num, _SAMPLING_BATCH):
            rows = slice(start, min(num, start + _SAMPLING_BATCH))
            captions = Captions(group.captions.embeds[rows], group.captions.lengths[rows])
            shape = (len(captions.lengths), *group.latents.shape[1:])
            noise = torch.randn(shape, generator=rng, device=rng.device)
            states = sample(teacher, noise, captions, fine.tolist(), null, guidance_scale)
            parts.append(states[::per_segment].transpose(0, 1).half())
        assert torch.equal(fine[::per_segment], coarse)
        trajectories.append(
            Trajectories(
                torch.cat(parts), Captions(group.captions.embeds[:num], group.captions.lengths[:num])
            )
        )
    return trajectories


def train_turbo(
    trainer: Trainer,
    trajectories: Sequence[Trajectories],
    truth: TurboTruth,
    batch_size: int,
    seed: int,
) -> None:
    """Learn each segment's mean velocity at the segment's first sigma, and at no other sigma."""
    device = trainer.device
    sigmas = schedule(truth.num_inference_steps, truth.shift).to(device)
    rng = torch.Generator().manual_seed(seed)
    weights = torch.tensor([float(len(t.states)) for t in trajectories])
    for step in range(trainer.num_steps):
        group = trajectories[int(torch.multinomial(weights, 1, generator=rng))]
        rows = torch.randint(len(group.states), (batch_size,), generator=rng).to(device)
        segment = torch.randint(truth.num_inference_steps, (batch_size,), generator=rng).to(device)
        start, end = group.states[rows, segment].float(), group.states[rows, segment + 1].float()
        target = (start - end) / (sigmas[segment] - sigmas[segment + 1]).view(-1, 1, 1, 1)
        height, width = start.shape[2] // 2, start.shape[3] // 2
        rotations = make_rotations(trainer.model, group.captions.embeds.shape[1], height, width)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            output = predict(
                trainer.model,
                start,
                1 - sigmas[segment],
                group.captions.embeds[rows].float(),
                group.captions.lengths[rows],
                rotations,
            )
        trainer.step(step, (output.float() + target).square().mean())
