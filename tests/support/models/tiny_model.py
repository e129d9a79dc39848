"""A random-weight model folder in the released layout, built in a second or two."""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from transformers import Qwen3Config, Qwen3Model

from calibration.data.tokenizer import build_tokenizer
from zimage_eval.model.folder import ModelLimits

TEXTS = [
    f"a {size} {color} {shape} on a {background} background"
    for size in ("small", "large")
    for color in ("red", "green", "blue", "yellow")
    for shape in ("circle", "square", "triangle", "star")
    for background in ("white", "black")
]
HIDDEN_SIZE = 32
NUM_HIDDEN_LAYERS = 3
PIXEL_MULTIPLE = 8  # autoencoder factor 4, patches of 2
LIMITS = ModelLimits(
    num_hidden_layers=NUM_HIDDEN_LAYERS,
    num_refiner_layers=1,
    has_refiner_timestep=False,
    pixel_multiple=PIXEL_MULTIPLE,
    max_pixels=512 * PIXEL_MULTIPLE,
)


def build_tiny_model(folder: Path) -> None:
    """Write transformer, vae, text_encoder, tokenizer, scheduler and model_index.json.

    The weights are random, finite and the same in every call; the global random state is left
    as it was. Sides of images have to be multiples of `PIXEL_MULTIPLE`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipe = ZImagePipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0),
            vae=_autoencoder(),
            tokenizer=build_tokenizer(TEXTS, 400),
            text_encoder=_text_encoder(),
            transformer=_transformer(),
        )
    for module in (pipe.vae, pipe.text_encoder, pipe.transformer):
        assert all(value.isfinite().all() for value in module.state_dict().values())
    pipe.save_pretrained(folder)


def _transformer() -> ZImageTransformer2DModel:
    transformer = ZImageTransformer2DModel(
        in_channels=16,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=HIDDEN_SIZE,
        axes_dims=[4, 6, 6],
        axes_lens=[1536, 512, 512],
    )
    # diffusers before 0.39 leaves these two uninitialized.
    for pad_token in (transformer.cap_pad_token, transformer.x_pad_token):
        torch.nn.init.normal_(pad_token, std=0.02)
    return transformer


def _text_encoder() -> Qwen3Model:
    return Qwen3Model(
        Qwen3Config(
            vocab_size=400,
            hidden_size=HIDDEN_SIZE,
            num_hidden_layers=NUM_HIDDEN_LAYERS,
            intermediate_size=64,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
            max_position_embeddings=2048,
        )
    )


def _autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=16,
        scaling_factor=0.3611,
        shift_factor=0.1159,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
