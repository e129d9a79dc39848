"""Benchmarks that draw prompts of their own have all pictures or none."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from tests.support.projects.toy_params import spec
from zimage_eval.benchmarks.shared.drawn_prompts import (
    DrawingRequest,
    JudgedDrawing,
    PainterAndJudge,
    draw_and_judge,
)
from zimage_eval.metrics.judges.judges import no_judge
from zimage_eval.output.png import encode_png
from zimage_eval.output.store import ImageStore
from zimage_eval.prompts.facts import Facts
from zimage_eval.sampling.batches import Batch
from zimage_eval.sampling.generation import GeneratedImage
from zimage_eval.sampling.painter import Painter

FACTS = Facts.model_validate({"objects": [{"name": "star"}]})
DRAWINGS = [DrawingRequest(torch.ones(3, 4), seed, FACTS) for seed in range(6)]


def draw(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> list[JudgedDrawing]:
    def render(_: object, batch: Batch, __: object) -> list[GeneratedImage]:
        if error is not None and 4 in batch.seeds:
            raise error
        pictures = [torch.full((3, 8, 8), seed, dtype=torch.uint8) for seed in batch.seeds]
        return [GeneratedImage(encode_png(picture, {}), 1, [], 2, "") for picture in pictures]

    monkeypatch.setattr("zimage_eval.sampling.painter.render_batch", render)
    model = spec()
    with ThreadPoolExecutor(1) as workers:
        painter = Painter(
            lambda: None,
            "",
            model.dtype,
            2,
            torch.device("cpu"),
            ImageStore(None),
            workers,
        )
        studio = PainterAndJudge(painter, no_judge, model.defaults, None)
        return draw_and_judge(DRAWINGS, studio)


def test_pictures_come_in_the_order_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw(monkeypatch, None)
    assert [int(entry.picture.pixels[0, 0, 0]) for entry in drawn] == list(range(6))


@pytest.mark.parametrize(
    "error",
    [
        FloatingPointError("decoded image is not finite"),
        OSError("torn"),
        MemoryError("out of memory at batch size 1 on cpu"),
        RuntimeError("CUDA error"),
    ],
)
def test_an_error_says_how_many_pictures_are_missing(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    words = f"^pictures of prompts: 2 of 6 images are missing: {type(error).__name__}: {error}$"
    with pytest.raises(ValueError, match=words):
        draw(monkeypatch, error)


def test_a_mistake_of_the_program_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="no"):
        draw(monkeypatch, TypeError("no"))
