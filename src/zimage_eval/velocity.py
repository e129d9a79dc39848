"""One transformer evaluation, and how far two results are apart."""

from collections.abc import Sequence

import torch
from diffusers import ZImageTransformer2DModel


@torch.no_grad()
def predict_velocity(
    transformer: ZImageTransformer2DModel,
    latents: torch.Tensor,
    sigma: float,
    prompt_embeds: Sequence[torch.Tensor],
) -> torch.Tensor:
    """`(batch, channels, rows, columns)` float32 on the CPU, in ZImagePipeline's direction.

    Args:
        transformer: on any device, in any number format.
        latents: `(batch, channels, rows, columns)`, rows and columns even.
        sigma: noise level from 1 (pure noise) to 0; the transformer is handed its complement.
        prompt_embeds: `(num_tokens, hidden_size)` an image.
    """
    device, dtype = transformer.device, transformer.dtype
    images = list(latents.to(device, dtype).unsqueeze(2).unbind(0))
    captions = [embeds.to(device, dtype) for embeds in prompt_embeds]
    time = torch.full((len(images),), 1 - sigma, device=device)
    out = transformer(images, time, captions, return_dict=False)[0]
    return -torch.stack(list(out)).squeeze(2).float().cpu()


def relative_change(changed: torch.Tensor, reference: torch.Tensor) -> float:
    """Norm of the difference over the norm of the reference, in float64; 0 for equal tensors."""
    difference = (changed.double() - reference.double()).norm()
    return float(difference / reference.double().norm())
