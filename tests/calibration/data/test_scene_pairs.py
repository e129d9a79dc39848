"""Training pairs as columns hold what the examples say."""

from pathlib import Path

import pytest
import torch

from calibration.data.corpus import Example, build_examples
from calibration.data.degradation import degrade
from calibration.data.scene_pairs import ScenePairs, concatenate, tabulate
from calibration.data.truths import load_truths
from zimage_eval.prompts.scenes.drawing import draw_scenes


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return build_examples(load_truths(Path("calibration/families/nano/truths.yaml")), 120, seed=3)


@pytest.fixture(scope="module")
def tables(examples: list[Example]) -> list[ScenePairs]:
    middle = len(examples) // 2
    return concatenate([*tabulate(examples[:middle]), *tabulate(examples[middle:])])


def test_no_pair_is_lost_and_sizes_are_kept_apart(
    examples: list[Example], tables: list[ScenePairs]
) -> None:
    for table in tables:
        members = [e for e in examples if (e.scene.height, e.scene.width) == table[:2]]
        assert table.texts == [e.text for e in members]
        assert table.paraphrases == [e.paraphrase for e in members]
    assert sum(len(table.texts) for table in tables) == len(examples)


def test_pictures_are_the_scenes_pictures(
    examples: list[Example], tables: list[ScenePairs]
) -> None:
    table = tables[0]
    members = [e for e in examples if (e.scene.height, e.scene.width) == table[:2]]
    drawn = draw_scenes([e.scene for e in members]).float() / 127.5 - 1
    rows = torch.tensor([5, 0, 3])
    device = torch.device("cpu")
    assert torch.equal(table.draw(rows, device, clean=True), drawn[rows])
    expected = [
        degrade(image[None])[0] if e.is_degraded else image
        for image, e in zip(drawn, members, strict=True)
    ]
    assert any(e.is_degraded for e in members)
    torch.testing.assert_close(table.draw(slice(None), device), torch.stack(expected))
