"""Latents and images are converted as ZImagePipeline and VaeImageProcessor convert them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, ZImagePipeline
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

from zimage_eval.model.autoencoder import decode_latents, encode_images


@pytest.fixture(scope="module")
def vae(tiny_folder: Path) -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(tiny_folder, subfolder="vae")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_decoded_pixels_equal_the_pipelines_pil_images(
    tiny_folder: Path, dtype: torch.dtype
) -> None:
    pipe = ZImagePipeline.from_pretrained(
        tiny_folder, transformer=None, text_encoder=None, tokenizer=None
    )
    vae = pipe.vae.to(dtype)
    latents = torch.randn((2, 16, 8, 6), generator=torch.Generator().manual_seed(0)) * 3
    with torch.no_grad():
        scaled = latents.to(dtype) / vae.config.scaling_factor + vae.config.shift_factor
        expected = pipe.image_processor.postprocess(vae.decode(scaled).sample)
    images = decode_latents(vae, latents)
    assert (images.shape, images.dtype) == ((2, 3, 32, 24), torch.uint8)
    for image, pil in zip(images, expected, strict=True):
        assert np.array_equal(image.permute(1, 2, 0).numpy(), np.array(pil))


def test_encoded_mode_is_the_scaled_mean_of_the_posterior(vae: AutoencoderKL) -> None:
    images = torch.randint(0, 256, (2, 3, 16, 24), generator=torch.Generator().manual_seed(0))
    images = images.to(torch.uint8)
    pil = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
    with torch.no_grad():
        posterior = vae.encode(VaeImageProcessor(vae_scale_factor=8).preprocess(pil)).latent_dist
    expected = (posterior.mean - 0.1159) * 0.3611
    # Not to the bit: the processor hands over another memory layout.
    assert torch.allclose(encode_images(vae, images, None), expected, atol=1e-6)
    draws = [encode_images(vae, images, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    spread = (draws[0] - expected).std() / (posterior.std * 0.3611).mean()
    assert 0.5 < spread < 2


def test_image_that_is_not_finite_is_refused(vae: AutoencoderKL) -> None:
    latents = torch.zeros((1, 16, 4, 4))
    latents[0, 0, 0, 0] = torch.nan
    with pytest.raises(FloatingPointError, match="not finite"):
        decode_latents(vae, latents)
