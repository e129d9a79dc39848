import warnings

import numpy as np
import pytest
import torch
from cleanfid.resize import build_resizer, make_resizer
from PIL import Image
from skimage import data

from zimage_eval.metrics.networks.backbones import clean_resize

SIDES = [(64, 64), (128, 96), (256, 256), (299, 299), (299, 512), (300, 298), (512, 512)]
SQUEEZED = [(1024, 512), (512, 1024), (400, 349), (400, 350), (300, 100), (298, 100)]
LARGE = [(777, 1024), (1024, 1024)]


def clean_fid(image: np.ndarray, size: int = 299) -> torch.Tensor:
    resize = build_resizer("clean")
    if size != 299:
        resize = make_resizer("PIL", False, "bicubic", (size, size))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about how clean-fid spells mode F
        return torch.from_numpy(resize(image)).permute(2, 0, 1)


def to_batch(*images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


@pytest.mark.parametrize(("height", "width"), [*SIDES, *SQUEEZED, *LARGE])
def test_every_value_is_clean_fids(height: int, width: int) -> None:
    """Noise, and hard edges that overshoot the range: bit for bit, also where sizes stay."""
    noise = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    edges = np.where(noise > 127, 255, 0).astype(np.uint8)
    resized = clean_resize(to_batch(noise, edges), 299)
    assert resized.dtype == torch.float32
    assert resized.shape == (2, 3, 299, 299)
    assert torch.equal(resized, torch.stack([clean_fid(noise), clean_fid(edges)]))


@pytest.mark.parametrize("size", [224, 336])
def test_photographs_and_other_targets(size: int) -> None:
    for image in (data.astronaut(), data.coffee(), data.chelsea()):
        assert torch.equal(clean_resize(to_batch(image), size)[0], clean_fid(image, size))


def test_values_are_not_rounded_to_levels_and_stay_in_range() -> None:
    resized = clean_resize(to_batch(data.astronaut()), 299)
    assert not torch.equal(resized, resized.round())
    assert resized.min() >= 0 and resized.max() <= 255
    quantized = Image.fromarray(data.astronaut()).resize((299, 299), Image.Resampling.BICUBIC)
    assert (resized[0] - to_batch(np.array(quantized))[0].float()).abs().max() < 6


def test_a_batch_is_its_images_and_a_level_stays() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 80, 70, 3), dtype=np.uint8)
    together = clean_resize(to_batch(*images), 224)
    assert all(
        torch.equal(clean_resize(to_batch(x), 224)[0], y)
        for x, y in zip(images, together, strict=True)
    )
    for shade in (0, 77, 255):
        level = torch.full((1, 3, 90, 50), shade, dtype=torch.uint8)
        wanted = clean_fid(level[0].permute(1, 2, 0).numpy())
        assert torch.equal(clean_resize(level, 299)[0], wanted)
        assert torch.allclose(wanted, torch.full((3, 299, 299), float(shade)))
    assert clean_resize(level[:0], 299).shape == (0, 3, 299, 299)


def test_another_dtype_or_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="float32"):
        clean_resize(torch.zeros(1, 3, 8, 8), 299)
    with pytest.raises(ValueError, match=r"\(1, 8, 8, 3\)"):
        clean_resize(torch.zeros(1, 8, 8, 3, dtype=torch.uint8), 299)
