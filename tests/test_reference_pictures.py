import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.import_graph import imported_files
from zimage_eval.measuring import FolderReference
from zimage_eval.reference_pictures import drawn_pictures, folder_pictures
from zimage_eval.scene_checking import detect_scene
from zimage_eval.settings import ImageSettings

SIZE = ImageSettings(height=64, width=64)


def test_any_number_is_drawn_and_more_begin_with_the_same() -> None:
    few, many = drawn_pictures(3, 5, SIZE), drawn_pictures(300, 5, SIZE)
    assert (len(few), len(many)) == (3, 300)
    assert list(many)[:3] == list(few)
    assert all(torch.equal(few[name](), many[name]()) for name in few)
    other = drawn_pictures(3, 6, SIZE)
    assert not any(torch.equal(few[name](), other[name]()) for name in few)
    wide = drawn_pictures(1, 5, ImageSettings(height=48, width=80))
    assert wide["scene-000000"]().shape == (3, 48, 80)


def test_drawn_pictures_have_even_shares() -> None:
    scenes = [
        detect_scene(read().permute(1, 2, 0).numpy())
        for read in drawn_pictures(300, 0, SIZE).values()
    ]
    backgrounds = [scene.background for scene in scenes]
    assert {backgrounds.count(name) > 35 for name in set(backgrounds) - {None}} == {True}
    assert len(set(backgrounds) - {None}) == 5
    numbers = [len(scene.objects) for scene in scenes]
    assert all(60 < numbers.count(number) < 140 for number in (1, 2, 3))


def test_the_planted_answers_are_not_read() -> None:
    files = imported_files("stages.build_reference")
    assert not [file for file in files if file.startswith("calibration")]
    written = "".join(Path(file).read_text(encoding="utf-8") for file in files)
    assert "truths" not in written


def digest_of(folder: Path) -> str:
    """As the docstring of `FolderReference` says."""
    digest = hashlib.sha256()
    for name in sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*")):
        content = (folder / name).read_bytes()
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


def test_a_folder_is_read_in_order_and_held_to_its_digest(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("b.png", "a.jpg", "sub/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 6, 3), dtype=np.uint8)).save(tmp_path / name)
    Image.fromarray(np.full((8, 6), 7, dtype=np.uint8)).save(tmp_path / "d.png")
    reference = FolderReference(source="folder", path=str(tmp_path), sha256=digest_of(tmp_path))
    found = folder_pictures(reference)
    assert list(found) == ["a.jpg", "b.png", "d.png", "sub/c.png"]
    assert {name: read().shape for name, read in found.items()} == dict.fromkeys(found, (3, 8, 6))
    assert (found["d.png"]() == 7).all()
    (tmp_path / "e.png").write_bytes((tmp_path / "b.png").read_bytes())
    with pytest.raises(ValueError, match=rf"has sha256 {digest_of(tmp_path)}, declared"):
        folder_pictures(reference)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no \.png"):
        folder_pictures(FolderReference(source="folder", path=str(tmp_path), sha256="0"))
