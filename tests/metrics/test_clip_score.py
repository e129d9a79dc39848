from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torchmetrics.functional.multimodal import clip_score as torchmetrics_clip_score

from tests.support.models.tiny_clip import build_tiny_clip
from zimage_eval.metrics.clip_score import PREFIX, clip_coverage, clip_score
from zimage_eval.metrics.networks.clip import Clip, load_clip

TEXTS = ["a cat", "two dogs on a mat", "x"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    build_tiny_clip(folder)
    return folder


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    return load_clip(folder, torch.device("cpu"))


def pictures(num: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (40 + 8 * i, 50, 3), dtype=np.uint8) for i in range(num)]


def test_the_cosine_is_torchmetrics(clip: Clip) -> None:
    """Which reads the text without a prefix and scales by 100; it expects tensors of the model."""
    model: Any = SimpleNamespace(
        config=clip.model.config,
        to=lambda device: model,
        get_image_features=lambda *args: clip.model.get_image_features(*args).pooler_output,
        get_text_features=lambda *args: clip.model.get_text_features(*args).pooler_output,
    )
    for image, text, score in zip(
        pictures(), TEXTS, clip_score(pictures(), TEXTS, clip), strict=True
    ):
        pixels = torch.from_numpy(image).permute(2, 0, 1)
        wanted = torchmetrics_clip_score(pixels, PREFIX + text, lambda: (model, clip.processor))
        assert score == pytest.approx(2.5 * float(wanted) / 100, abs=1e-6)


def test_it_is_clips_own_forward(clip: Clip) -> None:
    inputs = clip.processor(text=TEXTS, images=pictures(), return_tensors="pt", padding=True)
    with torch.inference_mode():
        outputs = clip.model(**inputs)
    assert clip.embed_images(pictures()) == pytest.approx(outputs.image_embeds.numpy(), abs=1e-6)
    assert clip.embed_texts(TEXTS) == pytest.approx(outputs.text_embeds.numpy(), abs=1e-6)


def test_opposite_directions_score_zero() -> None:
    class Fixed:
        max_tokens = 77

        def count_tokens(self, text: str) -> int:
            return len(text.split())

        def embed_images(self, images: list[np.ndarray]) -> np.ndarray:
            return np.tile([[1.0, 0.0]], (len(images), 1))

        def embed_texts(self, texts: list[str]) -> np.ndarray:
            directions = {"same": [1, 0], "right": [0, 1], "opposite": [-1, 0], "half": [0.6, 0.8]}
            return np.array([directions[text.removeprefix(PREFIX)] for text in texts])

    texts = ["same", "right", "opposite", "half"]
    scores = clip_score([pictures(1)[0]] * 4, texts, Fixed())  # type: ignore[arg-type]
    assert scores == pytest.approx([2.5, 0.0, 0.0, 1.5])


def test_a_long_prompt_has_no_score_and_is_counted(clip: Clip) -> None:
    room = 77 - 2 - len(PREFIX.replace(" ", ""))
    fits, long = "a" * room, "a" * (room + 1)
    assert clip.count_tokens(PREFIX + fits) == 77
    texts = [long, fits, "a cat"]
    scores = clip_score(pictures(), texts, clip)
    assert scores[0] is None and scores[1] is not None
    assert scores[2] == pytest.approx(clip_score(pictures()[2:], texts[2:], clip)[0], abs=1e-6)
    assert clip_coverage(pictures(), texts, clip) == [0.0, 1.0, 1.0]
    assert clip_score(pictures(1), [long], clip) == [None]
    with pytest.raises(ValueError, match="more than 77 tokens: 'aaa"):
        clip.embed_texts(["a" * 76])


def test_a_batch_is_its_pairs(clip: Clip) -> None:
    together = clip_score(pictures(), TEXTS, clip)
    alone = [clip_score([i], [t], clip)[0] for i, t in zip(pictures(), TEXTS, strict=True)]
    assert together == pytest.approx(alone, abs=1e-6)


def test_floats_and_weights_that_lack_a_part_are_refused(
    clip: Clip, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="float64"):
        clip.embed_images([pictures()[0] / 255])
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, tmp_path / "clip")
    weights = load_file(folder / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, tmp_path / "clip/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks 1 weights of CLIPModel: text_projection"):
        load_clip(tmp_path / "clip", torch.device("cpu"))
