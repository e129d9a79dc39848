"""The compiled engine: a loaded pipeline made faster in place, equal up to rounding.

Its blocks are compiled one by one, with rotations in real numbers, one matrix product for queries,
keys and values, and one for both halves of the feed-forward's gate. The autoencoder's decoder is
compiled for one image. diffusers' classes stay as they are; what they can't do from outside is not
done. What "equal" means is measured by `relative_errors` against float32
(tests/sampling/test_engine.py).
"""

from typing import TYPE_CHECKING, Any, Final

import torch
import torch.nn.functional as F
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.attention_processor import Attention
from diffusers.models.transformers.transformer_z_image import FeedForward, ZImageTransformerBlock
from torch import nn

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, ZImagePipeline

MOST_GRAPHS: Final = 64
"""A block is compiled again for other batch sizes, and for captions of two lengths in a batch."""


def compile_image_side(pipe: "ZImagePipeline") -> "ZImagePipeline":
    """Change a pipeline in place and return it; the compiler itself runs at the first call."""
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, MOST_GRAPHS)
    transformer = pipe.transformer
    for blocks in (transformer.noise_refiner, transformer.context_refiner, transformer.layers):
        for block in blocks:
            fuse_block(block)
    for block in (*transformer.noise_refiner, *transformer.layers):
        block.compile(fullgraph=True)
    compile_decoder(pipe.vae)
    return pipe


def fuse_block(block: ZImageTransformerBlock) -> None:
    """Give a block its faster attention and feed-forward in place; the weights keep their values.

    Its `to_qkv` shares the memory of `to_q`, `to_k` and `to_v`.
    """
    attention = block.attention
    attention.to_qkv = fuse_linear([attention.to_q, attention.to_k, attention.to_v])
    attention.set_processor(RealRopeProcessor())
    block.feed_forward = FusedFeedForward(block.feed_forward)


def fuse_linear(parts: list[nn.Linear]) -> nn.Linear:
    """A layer whose output is the parts' outputs side by side; the parts become views of it."""
    fused = nn.Linear(1, 1, bias=False)
    fused.weight = nn.Parameter(torch.cat([part.weight.data for part in parts]), False)
    fused.out_features, fused.in_features = fused.weight.shape
    rows = [part.out_features for part in parts]
    for part, weight in zip(parts, fused.weight.data.split(rows), strict=True):
        part.weight = nn.Parameter(weight, False)
    return fused


class FusedFeedForward(nn.Module):
    """diffusers' gated feed-forward with `w1` and `w3` in one product."""

    def __init__(self, feed_forward: FeedForward) -> None:
        """Share the weights of `feed_forward`."""
        super().__init__()
        self.w13 = fuse_linear([feed_forward.w1, feed_forward.w3])
        self.w2 = feed_forward.w2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(batch, length, dim)` of as much."""
        gate, value = self.w13(x).chunk(2, dim=-1)
        output: torch.Tensor = self.w2(F.silu(gate) * value)
        return output


class RealRopeProcessor:
    """ZSingleStreamAttnProcessor's arithmetic, with fused projections and without complex numbers.

    A compiler can't join complex products with the work around them. Torch picks the attention:
    asking for cuDNN's by name gives the same kernel and more copies (one H200, torch 2.11).
    """

    _attention_backend = None  # diffusers sets both on every processor
    _parallel_config = None

    def __call__(
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: None = None,
        attention_mask: torch.Tensor | None = None,
        freqs_cis: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The attention's output `(batch, length, dim)`; arguments as diffusers passes them."""
        projected = attn.to_qkv(hidden_states).unflatten(-1, (3, attn.heads, -1))
        query, key, value = projected.unbind(2)
        if attn.norm_q is not None:
            query = attn.norm_q(query)
        if attn.norm_k is not None:
            key = attn.norm_k(key)
        if freqs_cis is not None:
            rotations = torch.view_as_real(freqs_cis)[:, :, None]
            query, key = rotate(query, rotations), rotate(key, rotations)
        if attention_mask is not None:
            attention_mask = attention_mask[:, None, None, :]
        attended = dispatch_attention_fn(query, key, value, attn_mask=attention_mask)
        output: torch.Tensor = attn.to_out[0](attended.flatten(2, 3).type_as(query))
        return output


def rotate(x: torch.Tensor, rotations: torch.Tensor) -> torch.Tensor:
    """Pairs of neighboring channels turned.

    Args:
        x: `(batch, length, heads, channels)`.
        rotations: `(batch, length, 1, channels / 2, 2)`, cosine and sine.
    """
    pairs = x.float().unflatten(-1, (-1, 2))
    even, odd = pairs[..., 0], pairs[..., 1]
    cosine, sine = rotations[..., 0], rotations[..., 1]
    turned = torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], dim=-1)
    return turned.flatten(-2).type_as(x)


def compile_decoder(vae: "AutoencoderKL") -> None:
    """Compile the decoder in place, channels last in memory, for one image at a time."""
    vae.decoder.to(memory_format=torch.channels_last)
    vae.decoder = OneImageDecoder(vae.decoder)


class OneImageDecoder(nn.Module):
    """A compiled decoder that gets one image at a time: one graph for batches of any size."""

    def __init__(self, decoder: nn.Module) -> None:
        """Compile `decoder` in place."""
        super().__init__()
        self.decoder = decoder
        decoder.compile(fullgraph=True, dynamic=False)

    def forward(self, sample: torch.Tensor, *rest: Any) -> torch.Tensor:  # noqa: ANN401
        """Images `(batch, 3, height, width)` of latents."""
        images = [
            self.decoder(latents[None].to(memory_format=torch.channels_last), *rest)
            for latents in sample
        ]
        return torch.cat(images)
