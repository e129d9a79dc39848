"""Latents <-> images, with the arithmetic of ZImagePipeline and VaeImageProcessor."""

import torch
from diffusers import AutoencoderKL
from diffusers.image_processor import VaeImageProcessor

PROCESSOR = VaeImageProcessor()


@torch.no_grad()
def decode_latents(vae: AutoencoderKL, latents: torch.Tensor) -> torch.Tensor:
    """Images `(batch, 3, height, width)` uint8 on the CPU, as the pipeline's `output_type="pil"`.

    Args:
        vae: in the dtype to decode in.
        latents: `(batch, channels, rows, columns)` as the transformer leaves them, scaled.

    Raises:
        FloatingPointError: an image holds NaN or inf.
    """
    latents = latents.to(vae.device, vae.dtype)
    latents = (latents / vae.config.scaling_factor) + vae.config.shift_factor
    decoded = vae.decode(latents, return_dict=False)[0]
    if not decoded.isfinite().all():  # as uint8 it would look like a picture
        raise FloatingPointError(f"decoded image is not finite ({vae.dtype} autoencoder)")
    images = PROCESSOR.postprocess(decoded, output_type="pt")  # 0 to 1
    return (images.float() * 255).round().to(torch.uint8).cpu()


@torch.no_grad()
def encode_images(
    vae: AutoencoderKL, images: torch.Tensor, generator: torch.Generator | None
) -> torch.Tensor:
    """Latents `(batch, channels, rows, columns)` as the transformer takes them, in the VAE's dtype.

    Args:
        vae: in the dtype to encode in.
        images: `(batch, 3, height, width)` uint8.
        generator: source of a sample of the posterior; None takes its mode.
    """
    pixels = PROCESSOR.normalize(images.contiguous().to(vae.device).float() / 255).to(vae.dtype)
    posterior = vae.encode(pixels).latent_dist
    latents = posterior.mode() if generator is None else posterior.sample(generator)
    return (latents - vae.config.shift_factor) * vae.config.scaling_factor
