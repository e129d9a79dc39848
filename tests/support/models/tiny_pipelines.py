"""Random-weight folders of FluxPipeline and StableDiffusion3Pipeline, built in a second or two."""

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

from tests.support.models.tiny_clip import LETTERS, build_letters

CLIP_SIZE, T5_SIZE, LATENT_CHANNELS = 16, 32, 4


def build_tiny_flux(folder: Path, *, is_guided: bool = True) -> None:
    """Write a whole FluxPipeline: [dev] is told its guidance, [schnell] is not."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        letters = build_letters(folder / "letters")
        transformer = FluxTransformer2DModel(
            patch_size=1,
            in_channels=4 * LATENT_CHANNELS,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=T5_SIZE,
            pooled_projection_dim=CLIP_SIZE,
            guidance_embeds=is_guided,
            axes_dims_rope=(4, 4, 8),
        )
        pipe = FluxPipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=is_guided),
            vae=_autoencoder(),
            text_encoder=CLIPTextModel(_clip_config(letters)).eval(),
            tokenizer=letters,
            text_encoder_2=_t5(),
            tokenizer_2=_t5_letters(),
            transformer=transformer,
        )
    pipe.save_pretrained(folder)


def build_tiny_sd3(folder: Path) -> None:
    """Write a whole StableDiffusion3Pipeline."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        letters = build_letters(folder / "letters")
        transformer = SD3Transformer2DModel(
            sample_size=32,
            patch_size=2,
            in_channels=LATENT_CHANNELS,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=T5_SIZE,
            caption_projection_dim=32,
            pooled_projection_dim=2 * CLIP_SIZE,
            out_channels=LATENT_CHANNELS,
        )
        pipe = StableDiffusion3Pipeline(
            transformer=transformer,
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
            vae=_autoencoder(),
            text_encoder=CLIPTextModelWithProjection(_clip_config(letters)).eval(),
            tokenizer=letters,
            text_encoder_2=CLIPTextModelWithProjection(_clip_config(letters)).eval(),
            tokenizer_2=letters,
            text_encoder_3=_t5(),
            tokenizer_3=_t5_letters(),
        )
    pipe.save_pretrained(folder)


def _clip_config(letters: CLIPTokenizer) -> CLIPTextConfig:
    end = letters.eos_token_id
    return CLIPTextConfig(
        hidden_size=CLIP_SIZE,
        projection_dim=CLIP_SIZE,
        intermediate_size=CLIP_SIZE,
        num_hidden_layers=2,
        num_attention_heads=2,
        vocab_size=len(letters),
        max_position_embeddings=77,
        bos_token_id=letters.bos_token_id,
        eos_token_id=end,
        pad_token_id=end,
    )


def _t5() -> Any:  # noqa: ANN401 - transformers is untyped
    config = T5Config(
        d_model=T5_SIZE,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=4,
        vocab_size=len(_t5_letters()),
        feed_forward_proj="gated-gelu",
    )
    return T5EncoderModel(config).eval()


def _t5_letters() -> Any:  # noqa: ANN401 - transformers is untyped
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\N{LOWER ONE EIGHTH BLOCK}", -2.0)]
    pieces += [(letter, -3.0) for letter in LETTERS]
    return T5TokenizerFast(vocab=pieces, extra_ids=0)


def _autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=LATENT_CHANNELS,
        scaling_factor=0.3611,
        shift_factor=0.1159,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
