"""Captions laid out otherwise: neutral bit for bit, and what must and must not change."""

from pathlib import Path

import pytest
import torch
from diffusers import ZImageTransformer2DModel

from zimage_eval.benchmarks.limits.length_probe import with_table_length
from zimage_eval.model.captions import CaptionLayout, lay_out_captions
from zimage_eval.sampling.denoising import predict_velocity, relative_change

GENERATOR = torch.Generator().manual_seed(0)
LATENTS = torch.randn(1, 16, 6, 4, generator=GENERATOR)
CAPTION = torch.randn(40, 32, generator=GENERATOR)


@pytest.fixture(scope="module")
def transformer(tiny_folder: Path) -> ZImageTransformer2DModel:
    return ZImageTransformer2DModel.from_pretrained(tiny_folder, subfolder="transformer")


def velocity(model: ZImageTransformer2DModel, caption: torch.Tensor = CAPTION) -> torch.Tensor:
    return predict_velocity(model, LATENTS, 0.5, [caption])


@pytest.mark.parametrize("length", [1, 31, 32, 40])
def test_the_default_layout_is_diffusers_own_bit_for_bit(
    transformer: ZImageTransformer2DModel, length: int
) -> None:
    view = lay_out_captions(transformer, CaptionLayout())
    assert torch.equal(velocity(view, CAPTION[:length]), velocity(transformer, CAPTION[:length]))


def test_a_caption_of_full_length_is_not_rounded(transformer: ZImageTransformer2DModel) -> None:
    view = lay_out_captions(transformer, CaptionLayout(is_rounded=False))
    assert torch.equal(velocity(view, CAPTION[:32]), velocity(transformer, CAPTION[:32]))
    assert not torch.equal(velocity(view), velocity(transformer))


def test_pads_beside_an_image_that_stays_differ_from_the_move_alone(
    transformer: ZImageTransformer2DModel,
) -> None:
    layouts = [
        CaptionLayout(extra_pads=32),
        CaptionLayout(extra_pads=32, image_offset=-32),
        CaptionLayout(image_offset=32),
    ]
    found = [velocity(lay_out_captions(transformer, layout)) for layout in layouts]
    own = velocity(transformer)
    for one in (*found,):
        assert relative_change(one, own) > 1e-4
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_extra_pads_are_those_that_diffusers_would_add(
    transformer: ZImageTransformer2DModel,
) -> None:
    """A caption cut at 32 tokens with 32 more pads is one of 33 whose last token is a pad."""
    with torch.no_grad():
        view = lay_out_captions(transformer, CaptionLayout(extra_pads=32))
        seen: list[torch.Tensor] = []
        handle = transformer.context_refiner[0].register_forward_pre_hook(
            lambda _, args: seen.append(args[0])
        )
        velocity(view, CAPTION[:32])
        velocity(transformer, CAPTION[:33])
        handle.remove()
    padded, own = seen
    assert padded.shape == own.shape
    assert torch.equal(padded[:, :32], own[:, :32])
    assert torch.equal(padded[:, 33:], own[:, 33:])
    assert torch.equal(padded[:, 32], own[:, 33])


def test_an_order_of_positions_is_undone_by_that_order_of_tokens(
    transformer: ZImageTransformer2DModel,
) -> None:
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    view = lay_out_captions(transformer, CaptionLayout(order=order))
    assert relative_change(velocity(view, CAPTION[order]), velocity(transformer)) < 1e-5
    assert relative_change(velocity(view), velocity(transformer)) > 1e-4
    same = lay_out_captions(transformer, CaptionLayout(order=torch.arange(40)))
    assert torch.equal(velocity(same), velocity(transformer))


def test_a_layout_leaves_the_transformer_as_it_was(transformer: ZImageTransformer2DModel) -> None:
    before = velocity(transformer)
    velocity(lay_out_captions(transformer, CaptionLayout(extra_pads=64)))
    velocity(with_table_length(transformer, 128))
    assert torch.equal(velocity(transformer), before)
    assert transformer.rope_embedder.axes_lens == [1536, 512, 512]
