"""One forward of `ZImageTransformer2DModel` over a batch of one size, without Python loops.

diffusers' own forward takes lists and loops over them; this one runs the same modules on stacked
tensors and gives the same numbers (a test compares them). RoPE is computed in real arithmetic,
which `torch.compile` can fuse.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from diffusers import ZImageTransformer2DModel
from diffusers.models.attention_processor import Attention
from diffusers.models.transformers.transformer_z_image import RopeEmbedder
from torch import Tensor

from zimage_eval.model.folder import padded_length

_PATCH: Final = 2


class RealRotaryProcessor:
    """Z-Image's attention with rotations as cosines and sines `(tokens, head_dim / 2, 2)`."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        freqs_cis: Tensor,
    ) -> Tensor:
        """Attention output `(batch, tokens, dim)`; all tokens attend to all."""
        query, key, value = (
            projection(hidden_states).unflatten(-1, (attn.heads, -1))
            for projection in (attn.to_q, attn.to_k, attn.to_v)
        )
        query, key = _rotate(attn.norm_q(query), freqs_cis), _rotate(attn.norm_k(key), freqs_cis)
        output = F.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
        )
        return attn.to_out[0](output.transpose(1, 2).flatten(2))


def _rotate(x: Tensor, rotations: Tensor) -> Tensor:
    pairs = x.float().unflatten(-1, (-1, 2))
    cos, sin = rotations[None, :, None, :, 0], rotations[None, :, None, :, 1]
    real = pairs[..., 0] * cos - pairs[..., 1] * sin
    imaginary = pairs[..., 0] * sin + pairs[..., 1] * cos
    return torch.stack([real, imaginary], dim=-1).flatten(-2).type_as(x)


class Rotations(NamedTuple):
    """RoPE of the caption's and of the image's tokens, each `(tokens, head_dim / 2, 2)`."""

    caption: Tensor
    image: Tensor


@lru_cache(maxsize=256)
def _rotations(
    theta: float,
    axes_dims: tuple[int, ...],
    caption_length: int,
    rows: int,
    columns: int,
    device: torch.device,
) -> Rotations:
    caption = torch.zeros(caption_length, 3, dtype=torch.int64)
    caption[:, 0] = torch.arange(1, caption_length + 1)
    image = torch.zeros(padded_length(rows * columns), 3, dtype=torch.int64)
    image[: rows * columns, 0] = caption_length + 1
    image[: rows * columns, 1] = torch.arange(rows).repeat_interleave(columns)
    image[: rows * columns, 2] = torch.arange(columns).repeat(rows)
    lengths = [caption_length + 2, rows + 1, columns + 1]
    embed = RopeEmbedder(theta, list(axes_dims), lengths)
    return Rotations(*(torch.view_as_real(embed(ids)).to(device) for ids in (caption, image)))


def make_rotations(
    model: ZImageTransformer2DModel, caption_length: int, rows: int, columns: int
) -> Rotations:
    """Rotations of a padded caption and of `rows` x `columns` patches.

    Caption tokens stand at 1..caption_length of axis 0, patches at the next position, image pads at
    the origin: diffusers' own numbering.
    """
    rope, device = model.rope_embedder, model.x_pad_token.device
    return _rotations(rope.theta, tuple(rope.axes_dims), caption_length, rows, columns, device)


def predict_batch(
    model: ZImageTransformer2DModel,
    latents: Tensor,
    t: Tensor,
    captions: Tensor,
    caption_lengths: Tensor,
    rotations: Rotations,
) -> Tensor:
    """The transformer's output for a batch: data minus noise, in latent units.

    Args:
        model: its attention must use `RealRotaryProcessor`.
        latents: `(batch, channels, height, width)`.
        t: `(batch,)`, 0 at noise and 1 at data, as diffusers hands it over.
        captions: prompt_embeds padded with anything, `(batch, caption_length, cap_feat_dim)`.
        caption_lengths: tokens of each caption, `(batch,)`.
        rotations: of this caption length and latent size.
    """
    batch, channels, height, width = latents.shape
    rows, columns = height // _PATCH, width // _PATCH
    adaln = model.t_embedder(t * model.t_scale).type_as(latents)
    patches = latents.reshape(batch, channels, rows, _PATCH, columns, _PATCH)
    patches = patches.permute(0, 2, 4, 3, 5, 1).reshape(batch, rows * columns, -1)
    x = model.all_x_embedder["2-1"](patches)
    num_pads = rotations.image.shape[0] - rows * columns
    x = torch.cat([x, model.x_pad_token.to(x.dtype).expand(batch, num_pads, -1)], dim=1)
    for layer in model.noise_refiner:
        x = layer(x, None, rotations.image, adaln)
    # In fp32: what tells two words apart can be smaller than bf16 resolves.
    with torch.autocast(latents.device.type, enabled=False):
        caption = model.cap_embedder(captions).type_as(x)
    is_pad = torch.arange(captions.shape[1], device=captions.device) >= caption_lengths[:, None]
    caption = torch.where(is_pad[..., None], model.cap_pad_token.to(caption.dtype), caption)
    for layer in model.context_refiner:
        caption = layer(caption, None, rotations.caption, adaln if layer.modulation else None)
    unified = torch.cat([x, caption], dim=1)
    joint = torch.cat([rotations.image, rotations.caption])
    for layer in model.layers:
        unified = layer(unified, None, joint, adaln)
    output = model.all_final_layer["2-1"](unified[:, : rows * columns], c=adaln)
    output = output.reshape(batch, rows, columns, _PATCH, _PATCH, channels)
    return output.permute(0, 5, 1, 3, 2, 4).reshape(batch, channels, height, width)


def use_batched_attention(model: ZImageTransformer2DModel) -> None:
    """Prepare a model for `predict_batch`; its own forward does not work afterwards."""
    for module in model.modules():
        if isinstance(module, Attention):
            module.set_processor(RealRotaryProcessor())
