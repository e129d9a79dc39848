"""A painter gives pictures in the order asked for, and draws none of them twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from diffusers import ZImagePipeline

from tests.support.projects.default_settings import make_settings
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.config.settings import Settings
from zimage_eval.model import autoencoder
from zimage_eval.output.png import decode_png, pixels_digest
from zimage_eval.output.store import ImageStore
from zimage_eval.sampling import generation
from zimage_eval.sampling.batches import Batch, ImageRequest, PaintRequest, PlannedImages
from zimage_eval.sampling.generation import GeneratedImage, decode_batch
from zimage_eval.sampling.painter import Painter, open_painter

FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")
LENGTHS = (40, 3, 5, 33, 4)
"""Of captions: batches of two hold the pictures 1 and 2, 4, 0 and 3."""
FULL = torch.OutOfMemoryError("CUDA out of memory")


@pytest.fixture
def painter(tiny_folder: Path, tmp_path: Path) -> Iterator[Painter]:
    with open_painter(tiny_folder, FLOAT32, 2, ImageStore(tmp_path / "store")) as opened:
        yield opened


@pytest.fixture
def evaluated(painter: Painter) -> list[int]:
    """How many images each evaluation of the transformer was of."""
    sizes: list[int] = []
    transformer = painter.load_pipe().transformer
    transformer.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    return sizes


def small(guidance_scale: float = 0.0) -> Settings:
    return make_settings(height=16, width=24, num_inference_steps=2, guidance_scale=guidance_scale)


def ask(painter: Painter, settings: Settings) -> PaintRequest:
    size = painter.load_pipe().transformer.config.cap_feat_dim
    generator = torch.Generator().manual_seed(0)
    embeds = [torch.randn(length, size, generator=generator) for length in LENGTHS]
    negative = torch.randn(4, size, generator=generator) if settings.sampler.is_guided else None
    return PaintRequest(settings, embeds, range(len(LENGTHS)), negative, None)


def rendered(painter: Painter, request: PaintRequest, place: int) -> torch.Tensor:
    """A picture drawn alone."""
    negative = request.negative_prompt_embeds
    batch = Batch([request.prompt_embeds[place]], negative, [request.seeds[place]])
    images = generation.render_batch(painter.load_pipe(), batch, request.settings)
    assert images is not None
    return decode_png(images[0].png)


def test_pictures_come_in_the_order_asked_for_and_again_from_the_store(
    painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(painter, small())
    images = painter.paint(request, "pictures")
    assert [image.batch_size for image in images] == [2, 2, 2, 2, 1]
    for place, image in enumerate(images):
        alone = rendered(painter, request, place)
        assert (decode_png(image.png).int() - alone.int()).abs().max() <= 1
        assert image.pixels == pixels_digest(decode_png(image.png))
    assert painter.store.num_found == 0
    monkeypatch.setattr(generation, "denoise_batch", lambda *_: pytest.fail("drawn again"))
    assert painter.paint(request, "pictures") == images
    assert painter.store.num_found == len(images)


@pytest.mark.parametrize("guidance_scale", [0.0, 1.0])
def test_nothing_is_denoised_twice_when_only_single_images_can_be_decoded(
    painter: Painter,
    evaluated: list[int],
    monkeypatch: pytest.MonkeyPatch,
    guidance_scale: float,
) -> None:
    request = ask(painter, small(guidance_scale))
    decode, sizes = autoencoder.decode_latents, []

    def decode_one(vae: torch.nn.Module, latents: torch.Tensor) -> torch.Tensor:
        sizes.append(len(latents))
        if len(latents) > 1:
            raise FULL
        return decode(vae, latents)

    whole = painter._replace(store=ImageStore(None)).paint(request, "pictures")
    evaluated.clear()
    monkeypatch.setattr(autoencoder, "decode_latents", decode_one)
    images = painter.paint(request, "pictures")
    assert sorted(sizes) == [1] * 5 + [2] * 2
    forwards = request.settings.sampler.forwards_per_image
    assert sum(evaluated) == forwards * len(images) == sum(i.num_forwards for i in images)
    assert [image.batch_size for image in images] == [2, 2, 2, 2, 1]
    for image, twin in zip(images, whole, strict=True):
        assert (decode_png(image.png).int() - decode_png(twin.png).int()).abs().max() <= 1


def test_out_of_memory_while_denoising_halves_the_batch_and_keeps_its_halves(
    painter: Painter, evaluated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(painter, small())
    denoise = generation.denoise_batch

    def denoise_one(pipe: ZImagePipeline, batch: Batch, settings: Settings) -> object:
        if len(batch.seeds) > 1:
            raise FULL
        return denoise(pipe, batch, settings)

    monkeypatch.setattr(generation, "denoise_batch", denoise_one)
    images = painter.paint(request, "pictures")
    assert [image.batch_size for image in images] == [1] * 5
    assert sum(evaluated) == 2 * len(images)
    evaluated.clear()
    assert painter.paint(request, "pictures") == images
    assert evaluated == []


def test_too_little_memory_for_one_image_is_said(
    painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(painter, small())

    def refuse(*_: object) -> None:
        raise FULL

    monkeypatch.setattr(autoencoder, "decode_latents", refuse)
    words = "^p: 5 of 5 images are missing: MemoryError: out of memory while one image is decoded"
    with pytest.raises(ValueError, match=words):
        painter.paint(request, "p")
    with pytest.raises(MemoryError, match="decoded on cpu"):
        decode_batch(painter.load_pipe().vae, torch.zeros(1, 4, 2, 3))
    monkeypatch.setattr(generation, "denoise_batch", refuse)
    with pytest.raises(ValueError, match="MemoryError: out of memory at batch size 1 on cpu"):
        painter.paint(request, "p")


def test_rows_are_of_all_images_batch_by_batch_with_what_cant_be(
    painter: Painter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(painter, small())
    too_long = request._replace(prompt_embeds=[torch.zeros(2000, 2)], seeds=[9])
    requests = [ImageRequest("v", "screen", f"p{i}", i, "x") for i in range(len(LENGTHS))]
    lacking = ImageRequest("deep", "screen", "p", 1, "x")
    long = ImageRequest("long", "screen", "p", 9, "x")
    draw = painter.draw
    denoise = generation.denoise_batch

    def denoise_some(pipe: ZImagePipeline, batch: Batch, settings: Settings) -> object:
        if 4 in batch.seeds:
            raise FloatingPointError("not\nfinite")
        return denoise(pipe, batch, settings)

    monkeypatch.setattr(generation, "denoise_batch", denoise_some)
    planned: list[PlannedImages] = [
        ([lacking], "no such layer"),
        (requests, request),
        ([long], too_long),
    ]
    rows = painter.paint_rows(planned, tmp_path / "out", "rows")
    assert [row["seed"] for row in rows] == [1, 1, 2, 4, 0, 3, 9]
    assert rows[0]["error"] == "not available: no such layer"
    assert rows[3]["error"] == "FloatingPointError: not finite"
    assert rows[6]["error"].startswith("not available: 2000 tokens: captions end at ")
    made = [row for row in rows if row["error"] is None]
    assert [row["seed"] for row in made] == [1, 2, 0, 3]
    for row in made:
        picture = decode_png((tmp_path / "out" / row["file"]).read_bytes())
        assert row["pixels"] == pixels_digest(picture)
    [first, _] = draw(Batch(list(request.prompt_embeds[1:3]), None, [1, 2]), request.settings)
    assert isinstance(first, GeneratedImage) and first.pixels == made[0]["pixels"]


def test_a_caption_that_is_too_long_ends_what_needs_all_pictures(painter: Painter) -> None:
    request = ask(painter, small())
    request = request._replace(prompt_embeds=[torch.zeros(2000, 2)], seeds=[9])
    with pytest.raises(ValueError, match=r"^p: 1 of 1 images are missing: .*2000 tokens"):
        painter.paint(request, "p")
