"""The sampler equals ZImagePipeline called with prompts, bit for bit on the CPU."""

from pathlib import Path

import pytest
import torch
from diffusers import ZImagePipeline

from tests.default_settings import make_settings
from zimage_eval.autoencoder import decode_latents
from zimage_eval.encoding import encode_prompts
from zimage_eval.image_side import load_image_side
from zimage_eval.params import DtypeSettings, ImageSettings, Settings
from zimage_eval.sampling import initial_latents, sample_latents
from zimage_eval.text_side import load_text_side

PROMPTS = ["a red circle", "a small blue star on a black background", "a square"]
SEEDS = [3, 1, 2**31 - 1]
ENCODER = make_settings(max_sequence_length=64).encoder
IMAGE = ImageSettings(height=32, width=24)
FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")
CPU = torch.device("cpu")


def sampler(steps: int = 3, guidance_scale: float = 0.0, shift: float = 3.0) -> Settings:
    return make_settings(shift=shift, num_inference_steps=steps, guidance_scale=guidance_scale)


@pytest.fixture(scope="module")
def released(tiny_folder: Path) -> ZImagePipeline:
    pipe = ZImagePipeline.from_pretrained(tiny_folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def pipe(tiny_folder: Path) -> ZImagePipeline:
    return load_image_side(tiny_folder, FLOAT32, CPU)


@pytest.fixture(scope="module")
def prompt_embeds(tiny_folder: Path) -> list[torch.Tensor]:
    return encode_prompts(*load_text_side(tiny_folder, FLOAT32, CPU), PROMPTS, ENCODER)


@pytest.fixture(scope="module")
def negative(tiny_folder: Path) -> torch.Tensor:
    return encode_prompts(*load_text_side(tiny_folder, FLOAT32, CPU), ["blurry"], ENCODER)[0]


@pytest.mark.parametrize("guidance_scale", [0.0, 0.5, 4.0])
def test_pixels_equal_the_pipelines(
    released: ZImagePipeline,
    pipe: ZImagePipeline,
    prompt_embeds: list[torch.Tensor],
    negative: torch.Tensor,
    guidance_scale: float,
) -> None:
    """Prompts and generators on one side, embeddings and latents on the other."""
    arguments = {
        "height": IMAGE.height,
        "width": IMAGE.width,
        "num_inference_steps": 3,
        "guidance_scale": guidance_scale,
        "max_sequence_length": 64,
    }
    expected = []
    for prompt, seed in zip(PROMPTS, SEEDS, strict=True):  # alone, as the encoder reads them
        embeds, _ = released.encode_prompt(
            prompt,
            negative_prompt="blurry",
            do_classifier_free_guidance=guidance_scale > 0,
            max_sequence_length=64,
        )
        image = released(
            prompt=prompt,
            negative_prompt="blurry",
            generator=torch.Generator("cpu").manual_seed(seed),
            output_type="pt",
            **arguments,
        ).images[0]
        expected.append((embeds[0], image))
    for index, (embeds, image) in enumerate(expected):
        assert torch.equal(embeds, prompt_embeds[index])
        sample = sample_latents(
            pipe,
            [prompt_embeds[index]],
            [negative] if guidance_scale else None,
            initial_latents(pipe, [SEEDS[index]], IMAGE),
            sampler(guidance_scale=guidance_scale),
        )
        pixels = decode_latents(pipe.vae, sample.latents)[0]
        assert torch.equal(pixels, (image * 255).round().to(torch.uint8))
        assert sample.num_forwards == (6 if guidance_scale else 3)


def test_batch_equals_the_pipelines_batch(
    released: ZImagePipeline, pipe: ZImagePipeline, prompt_embeds: list[torch.Tensor]
) -> None:
    expected = released(
        prompt_embeds=list(prompt_embeds),
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in SEEDS],
        height=IMAGE.height,
        width=IMAGE.width,
        num_inference_steps=3,
        guidance_scale=0.0,
        output_type="latent",
    ).images
    noise = initial_latents(pipe, SEEDS, IMAGE)
    sample = sample_latents(pipe, prompt_embeds, None, noise, sampler())
    assert torch.equal(sample.latents, expected)
    assert torch.equal(
        decode_latents(pipe.vae, sample.latents),
        decode_latents(released.vae, expected),
    )


def test_released_schedule_is_eight_forwards(
    pipe: ZImagePipeline, prompt_embeds: list[torch.Tensor]
) -> None:
    noise = initial_latents(pipe, SEEDS, IMAGE)
    sample = sample_latents(pipe, prompt_embeds, None, noise, sampler(steps=8))
    expected = (1, 0.9545, 0.9, 0.8333, 0.75, 0.6429, 0.5, 0.3, 0)
    assert sample.sigmas == pytest.approx(expected, abs=5e-5)
    assert sample.num_forwards == 8


@pytest.mark.parametrize("shift", [1.0, 6.0])
def test_shift_changes_the_sigmas_and_stays_with_its_call(
    pipe: ZImagePipeline, prompt_embeds: list[torch.Tensor], shift: float
) -> None:
    noise = initial_latents(pipe, SEEDS, IMAGE)
    usual = sample_latents(pipe, prompt_embeds, None, noise, sampler(steps=4))
    shifted = sample_latents(pipe, prompt_embeds, None, noise, sampler(steps=4, shift=shift))
    linear = [1, 0.75, 0.5, 0.25, 0]
    expected = [shift * sigma / (1 + (shift - 1) * sigma) for sigma in linear]
    assert shifted.sigmas == pytest.approx(expected, abs=1e-6)
    assert not torch.equal(shifted.latents, usual.latents)
    assert pipe.scheduler.config.shift == 3.0
    again = sample_latents(pipe, prompt_embeds, None, noise, sampler(steps=4))
    assert torch.equal(again.latents, usual.latents)


def test_nothing_passed_in_is_changed(
    pipe: ZImagePipeline, prompt_embeds: list[torch.Tensor], negative: torch.Tensor
) -> None:
    noise = initial_latents(pipe, SEEDS, IMAGE)
    before = [tensor.clone() for tensor in (*prompt_embeds, negative, noise)]
    embeds = list(prompt_embeds)
    sample_latents(pipe, embeds, [negative] * 3, noise, sampler(guidance_scale=1.0))
    assert len(embeds) == 3
    for tensor, copy in zip((*embeds, negative, noise), before, strict=True):
        assert torch.equal(tensor, copy)


def test_same_batch_same_bits_other_batch_within_one_level(
    pipe: ZImagePipeline, prompt_embeds: list[torch.Tensor]
) -> None:
    noise = initial_latents(pipe, SEEDS, IMAGE)
    first, second = (
        sample_latents(pipe, prompt_embeds, None, noise, sampler()).latents for _ in range(2)
    )
    assert torch.equal(first, second)
    together = decode_latents(pipe.vae, first)
    for index in range(3):
        alone = sample_latents(
            pipe, [prompt_embeds[index]], None, noise[index : index + 1], sampler()
        )
        pixels = decode_latents(pipe.vae, alone.latents)[0]
        assert (pixels.int() - together[index].int()).abs().max() <= 1


def test_captions_of_one_padded_length_need_no_mask(
    pipe: ZImagePipeline, prompt_embeds: list[torch.Tensor]
) -> None:
    masks = []
    blocks = [*pipe.transformer.context_refiner, *pipe.transformer.layers]
    hooks = [
        block.register_forward_pre_hook(lambda _, args: masks.append(args[1])) for block in blocks
    ]
    noise = initial_latents(pipe, SEEDS, IMAGE)
    sample_latents(pipe, prompt_embeds, None, noise, sampler())
    for hook in hooks:
        hook.remove()
    assert len({len(embeds) for embeds in prompt_embeds}) > 1
    assert masks == [None] * 3 * len(blocks)


def test_noise_depends_on_its_own_seed_alone(pipe: ZImagePipeline) -> None:
    noise = initial_latents(pipe, SEEDS, IMAGE)
    assert noise.shape == (3, 16, 8, 6)
    for index, seed in enumerate(SEEDS):
        assert torch.equal(initial_latents(pipe, [seed], IMAGE)[0], noise[index])
        generator = torch.Generator("cpu").manual_seed(seed)
        assert torch.equal(torch.randn((1, 16, 8, 6), generator=generator)[0], noise[index])


def test_half_precision_runs_and_takes_float32_embeddings(
    tiny_folder: Path, prompt_embeds: list[torch.Tensor]
) -> None:
    dtype = DtypeSettings(text_encoder="float32", transformer="bfloat16", vae="float32")
    pipe = load_image_side(tiny_folder, dtype, CPU)
    assert (pipe.transformer.dtype, pipe.vae.dtype) == (torch.bfloat16, torch.float32)
    noise = initial_latents(pipe, SEEDS, IMAGE)
    sample = sample_latents(pipe, prompt_embeds, None, noise, sampler())
    assert sample.latents.dtype == torch.float32
    assert decode_latents(pipe.vae, sample.latents).dtype == torch.uint8
