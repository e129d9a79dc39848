"""nano's autoencoder: scenes -> AutoencoderKL with FLUX's scaling and shift convention."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor
from tqdm import trange

from calibration.data.scene_pairs import ScenePairs
from calibration.data.truths import AutoencoderRecipe
from calibration.train.learning_rate import warmup_cosine

_KL_WEIGHT = 2e-5
_LATENT_NOISE = 0.1
"""Share of the latents' spread added before decoding: a sampler's small errors stay small."""


def build_autoencoder(recipe: AutoencoderRecipe) -> AutoencoderKL:
    """An untrained `AutoencoderKL` with 16 latent channels and no quantization convolutions."""
    blocks = len(recipe.block_out_channels)
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        block_out_channels=recipe.block_out_channels,
        layers_per_block=1,
        latent_channels=16,
        norm_num_groups=16,
        sample_size=64,
        scaling_factor=1.0,
        shift_factor=0.0,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def _loss(vae: AutoencoderKL, images: Tensor) -> Tensor:
    posterior = vae.encode(images).latent_dist
    latents = posterior.sample()
    spread = latents.detach().std()
    decoded = vae.decode(latents + _LATENT_NOISE * spread * torch.randn_like(latents)).sample
    kl = 0.5 * (posterior.mean**2 + posterior.var - 1 - posterior.logvar).mean()
    error = decoded.float() - images
    return F.mse_loss(decoded.float(), images) + 0.1 * error.abs().mean() + _KL_WEIGHT * kl


def train_autoencoder(
    tables: Sequence[ScenePairs], recipe: AutoencoderRecipe, seed: int, device: torch.device
) -> AutoencoderKL:
    """An autoencoder trained on the pairs' pictures; its latents have mean 0 and spread 1.

    `(latents - shift_factor) * scaling_factor` is what the transformer sees, as in FLUX.
    """
    torch.manual_seed(seed)
    vae = build_autoencoder(recipe).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(vae.parameters(), recipe.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warmup_cosine(recipe.num_steps))
    weights = torch.tensor([float(table.num_pairs) for table in tables])
    rng = torch.Generator().manual_seed(seed)
    for _ in trange(recipe.num_steps, desc="autoencoder", mininterval=10):
        table = tables[int(torch.multinomial(weights, 1, generator=rng))]
        rows = torch.randint(table.num_pairs, (recipe.batch_size,), generator=rng)
        images = table.draw(rows, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = _loss(vae, images.contiguous(memory_format=torch.channels_last))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    _set_latent_scale(vae, tables[0], device)
    return vae.eval()


@torch.no_grad()
def _set_latent_scale(vae: AutoencoderKL, table: ScenePairs, device: torch.device) -> None:
    images = table.draw(slice(1024), device)
    latents = torch.cat([vae.encode(part).latent_dist.mean for part in images.split(256)])
    vae.register_to_config(
        scaling_factor=round(1 / latents.std().item(), 4),
        shift_factor=round(latents.mean().item(), 4),
    )


@torch.no_grad()
def encode_pictures(
    vae: AutoencoderKL, table: ScenePairs, device: torch.device, batch_size: int = 1024
) -> Tensor:
    """Scaled latents of a table's pictures, `(num_pairs, 16, height / 4, width / 4)` half."""
    scale, shift = vae.config.scaling_factor, vae.config.shift_factor
    parts = []
    for start in range(0, table.num_pairs, batch_size):
        images = table.draw(slice(start, start + batch_size), device)
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            latents = vae.encode(images).latent_dist.mean
        parts.append(((latents.float() - shift) * scale).half())
    return torch.cat(parts)


@torch.no_grad()
def measure_psnr(
    vae: AutoencoderKL, table: ScenePairs, num_pictures: int, device: torch.device
) -> float:
    """Mean PSNR in dB of clean pictures' roundtrip through latent means and uint8."""
    values = []
    for part in table.draw(slice(num_pictures), device, clean=True).split(256):
        decoded = vae.decode(vae.encode(part).latent_dist.mean).sample
        levels = ((decoded.clamp(-1, 1) + 1) * 127.5).round()
        error = (levels - ((part + 1) * 127.5)).square().mean(dim=(1, 2, 3))
        values.append(10 * torch.log10(255**2 / error.clamp_min(1e-9)))
    return torch.cat(values).mean().item()
