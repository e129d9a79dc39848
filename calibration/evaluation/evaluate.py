"""How often a family's pictures show what their prompts state, on prompts never trained on."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from torch import Tensor
from transformers import Qwen2Tokenizer, Qwen3Model

from calibration.data.latent_data import encode_captions
from calibration.data.scene_prompts import ScenePrompt
from calibration.evaluation.batched_sampling import Guidance, sample, schedule
from calibration.evaluation.batched_transformer import use_batched_attention
from calibration.train.family_folder import load_encoder_and_tokenizer, load_transformer, load_vae
from calibration.train.train_text_encoder import ChatCaption
from zimage_eval.config.setting_groups import HiddenLayer
from zimage_eval.prompts.facts import FactResult, Facts
from zimage_eval.prompts.scenes.checking import check_facts

EVALUATION_SEED: Final = 1_000_003
"""Of the first prompt's noise, whoever draws: the i-th one has this plus i."""


@dataclass(frozen=True)
class SamplingSettings:
    """What one measurement samples with."""

    num_inference_steps: int
    shift: float
    guidance_scale: float
    hidden_layer: HiddenLayer
    think_block: str | None = None
    chat_template: bool = True
    rope_theta: float | None = None
    """None is the transformer's own."""
    height: int = 64
    width: int = 64
    skip_refiner: bool = False


@dataclass(frozen=True)
class ImageModel:
    """A transformer with what it needs to turn prompts into pictures."""

    transformer: ZImageTransformer2DModel
    vae: AutoencoderKL
    text_encoder: Qwen3Model
    tokenizer: Qwen2Tokenizer

    def without_refiner(self) -> "ImageModel":
        """The same model with an empty context refiner; shares all other weights."""
        bare = ZImageTransformer2DModel.__new__(ZImageTransformer2DModel)
        bare.__dict__ = dict(self.transformer.__dict__)
        bare._modules = dict(self.transformer._modules)
        bare._modules["context_refiner"] = torch.nn.ModuleList()
        return replace(self, transformer=bare)


def load_image_model(folder: Path, device: torch.device) -> ImageModel:
    """A family's base or turbo, ready to be sampled in batches."""
    text_encoder, tokenizer = load_encoder_and_tokenizer(folder, device)
    transformer = load_transformer(folder, device)
    use_batched_attention(transformer)
    return ImageModel(transformer, load_vae(folder, device), text_encoder, tokenizer)


@torch.no_grad()
def decode(vae: AutoencoderKL, latents: Tensor) -> Tensor:
    """uint8 pictures `(n, height, width, 3)` on the CPU of scaled latents."""
    scaled = latents.float() / vae.config.scaling_factor + vae.config.shift_factor
    images = torch.cat([vae.decode(part).sample for part in scaled.split(512)])
    levels = ((images / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).cpu()


@torch.no_grad()
def generate(
    model: ImageModel, texts: Sequence[str], settings: SamplingSettings, seed: int
) -> Tensor:
    """Pictures `(num_texts, height, width, 3)` uint8; text i gets the noise of `seed + i`."""
    device = model.transformer.x_pad_token.device
    factor = 2 ** (len(model.vae.config.block_out_channels) - 1)
    channels = model.transformer.config.in_channels
    shape = (channels, settings.height // factor, settings.width // factor)
    noise = torch.stack(
        [
            torch.randn(shape, generator=torch.Generator().manual_seed(seed + i))
            for i in range(len(texts))
        ]
    ).to(device)
    if settings.skip_refiner:
        model = model.without_refiner()
    encode = partial(encode_captions, model.text_encoder, model.tokenizer)
    layer, how = settings.hidden_layer, (settings.think_block, settings.chat_template)
    # Without a template the empty caption has no token at all; nothing guides then.
    chats = [ChatCaption(text, *how) for text in texts]
    [(_, null)] = encode([ChatCaption("", settings.think_block)], layer)
    guidance = Guidance(null, settings.guidance_scale)
    sigmas = schedule(settings.num_inference_steps, settings.shift).tolist()
    latents = torch.empty_like(noise)
    with _rope_theta(model.transformer, settings.rope_theta):
        for rows, captions in encode(chats, layer):
            for start in range(0, len(rows), 1024):
                part = slice(start, start + 1024)
                batch = captions.rows(part)
                states = sample(model.transformer, noise[rows[part]], batch, sigmas, guidance)
                latents[rows[part]] = states[-1]
    return decode(model.vae, latents)


@contextmanager
def _rope_theta(transformer: ZImageTransformer2DModel, theta: float | None) -> Iterator[None]:
    """The transformer with another base of its RoPE, if one is given."""
    rope = transformer.rope_embedder
    trained = rope.theta
    rope.theta = trained if theta is None else theta
    try:
        yield
    finally:
        rope.theta = trained


def _check(pair: tuple[np.ndarray, Facts]) -> list[FactResult]:
    return check_facts(*pair)


def measure_alignment(
    model: ImageModel,
    prompts: Sequence[ScenePrompt],
    settings: SamplingSettings,
    seed: int,
    executor: Executor,
) -> dict[str, float]:
    """Shares of prompts with all facts right, by number of objects, and of facts held, by kind."""
    images = generate(model, [prompt.text for prompt in prompts], settings, seed).numpy()
    return check_pictures(images, prompts, executor)


def check_each(
    images: np.ndarray, prompts: Sequence[ScenePrompt], executor: Executor
) -> list[list[FactResult]]:
    """Every fact of every prompt, held to the prompt's picture."""
    pairs = list(zip(images, [prompt.facts for prompt in prompts], strict=True))
    return list(executor.map(_check, pairs, chunksize=16))


def check_pictures(
    images: np.ndarray, prompts: Sequence[ScenePrompt], executor: Executor
) -> dict[str, float]:
    """Shares of prompts with all facts right, by number of objects, and of facts held, by kind.

    Args:
        images: a picture of each prompt, `(num_prompts, height, width, 3)` uint8.
        prompts: what the pictures should show.
        executor: checks pictures in parallel.
    """
    shares: dict[str, list[float]] = {}
    for prompt, facts in zip(prompts, check_each(images, prompts, executor), strict=True):
        held = [fact.held for fact in facts]
        entries = len(prompt.facts.objects)
        count = prompt.facts.objects[0].count
        group = f"all_facts_count_{count}" if count > 1 else f"all_facts_{entries}_objects"
        shares.setdefault("alignment", []).append(sum(held) / len(held))
        shares.setdefault(group, []).append(float(all(held)))
        for fact in facts:
            shares.setdefault(f"fact_{fact.kind}", []).append(float(fact.held))
    return {name: round(sum(v) / len(v), 4) for name, v in sorted(shares.items())}
