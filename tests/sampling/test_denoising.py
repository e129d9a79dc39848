"""The sampler equals ZImagePipeline called with prompts, bit for bit on the CPU."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from diffusers import ZImagePipeline
from scipy.stats import beta

from tests.support.projects.default_settings import make_settings
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.config.setting_groups import ImageSettings
from zimage_eval.config.settings import Settings
from zimage_eval.model.autoencoder import decode_latents
from zimage_eval.model.transformer import load_image_side
from zimage_eval.sampling.denoising import initial_latents, sample_latents
from zimage_eval.text.encoder import load_text_side
from zimage_eval.text.encoding import encode_prompts

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
    other = sample_latents(pipe, prompt_embeds, None, noise, sampler(steps=4, shift=shift))
    expected = shifted([1, 0.75, 0.5, 0.25, 0], shift)
    assert other.sigmas == pytest.approx(expected, abs=1e-6)
    assert not torch.equal(other.latents, usual.latents)
    assert pipe.scheduler.config.shift == 3.0
    again = sample_latents(pipe, prompt_embeds, None, noise, sampler(steps=4))
    assert torch.equal(again.latents, usual.latents)


def schedule_of(
    pipe: ZImagePipeline, prompt_embeds: list[torch.Tensor], steps: int, **leaves: object
) -> list[float]:
    noise = initial_latents(pipe, SEEDS, IMAGE)
    settings = make_settings(num_inference_steps=steps, **leaves)
    sample = sample_latents(pipe, prompt_embeds, None, noise, settings)
    assert len(sample.sigmas) == steps + 1 and sample.sigmas[-1] == 0
    assert sample.num_forwards == steps
    return list(sample.sigmas[:-1])


def shifted(linear: list[float], shift: float) -> list[float]:
    return [shift * sigma / (1 + (shift - 1) * sigma) for sigma in linear]


def test_named_schedules_have_their_closed_forms(
    pipe: ZImagePipeline, prompt_embeds: list[torch.Tensor]
) -> None:
    low, high = shifted([0.2, 1.0], 2.0)
    ramp = [step / 4 for step in range(5)]
    roots = low ** (1 / 7), high ** (1 / 7)
    expected = {
        "karras": [(roots[1] + part * (roots[0] - roots[1])) ** 7 for part in ramp],
        "exponential": [high * (low / high) ** part for part in ramp],
        "beta": [low + (high - low) * beta.ppf(1 - part, 0.6, 0.6) for part in ramp],
        "own": shifted([1.0, 0.8, 0.6, 0.4, 0.2], 2.0),
    }
    for name, sigmas in expected.items():
        found = schedule_of(pipe, prompt_embeds, 5, shift=2.0, sigma_schedule=name)
        assert found == pytest.approx(sigmas, abs=1e-6), name
        assert schedule_of(pipe, prompt_embeds, 1, shift=2.0, sigma_schedule=name) == [1.0]
    assert pipe.scheduler.config.use_karras_sigmas is False


def test_dynamic_shift_follows_the_image_size_and_not_the_shift(
    pipe: ZImagePipeline, prompt_embeds: list[torch.Tensor]
) -> None:
    tokens = IMAGE.height * IMAGE.width / 64
    slope = (1.15 - 0.5) / (4096 - 256)
    expected = shifted([1.0, 0.75, 0.5, 0.25], math.exp(0.5 + slope * (tokens - 256)))
    for shift in (1.0, 6.0):
        found = schedule_of(pipe, prompt_embeds, 4, shift=shift, sigma_schedule="dynamic_shift")
        assert found == pytest.approx(expected, abs=1e-6)


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
    refiner, layers = pipe.transformer.context_refiner, pipe.transformer.layers
    blocks = [*refiner, *layers]
    hooks = [
        block.register_forward_pre_hook(lambda _, args: masks.append(args[1])) for block in blocks
    ]
    noise = initial_latents(pipe, SEEDS, IMAGE)
    sample_latents(pipe, prompt_embeds, None, noise, sampler())
    for hook in hooks:
        hook.remove()
    assert len({len(embeds) for embeds in prompt_embeds}) > 1
    assert masks == [None] * (len(refiner) + 3 * len(layers))  # captions are refined once


def test_noise_depends_on_its_own_seed_alone(pipe: ZImagePipeline) -> None:
    noise = initial_latents(pipe, SEEDS, IMAGE)
    assert noise.shape == (3, 16, 8, 6)
    for index, seed in enumerate(SEEDS):
        assert torch.equal(initial_latents(pipe, [seed], IMAGE)[0], noise[index])
        generator = torch.Generator("cpu").manual_seed(seed)
        assert torch.equal(torch.randn((1, 16, 8, 6), generator=generator)[0], noise[index])


def test_threads_with_other_settings_share_a_pipeline(
    pipe: ZImagePipeline, prompt_embeds: list[torch.Tensor]
) -> None:
    noise = initial_latents(pipe, SEEDS, IMAGE)
    asked = [
        make_settings(num_inference_steps=3, **leaves)
        for leaves in (
            {},
            {"refiner_blend": 0.0},
            {"rope_theta": 1e4, "rope_theta_scope": "refiner"},
            {"ntk_scaling": 2.0, "sigma_schedule": "karras"},
            {"refiner_attention": False, "shift": 1.0},
        )
    ] * 4

    def draw(settings: Settings) -> torch.Tensor:
        return sample_latents(pipe, prompt_embeds, None, noise, settings).latents

    alone = [draw(settings) for settings in asked[:5]] * 4
    assert len({latents.sum().item() for latents in alone}) == 5
    with ThreadPoolExecutor(4, initializer=torch.set_num_threads, initargs=(1,)) as workers:
        for one, other in zip(workers.map(draw, asked), alone, strict=True):
            assert torch.equal(one, other)


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
