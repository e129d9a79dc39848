import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stages import build_reference
from tests.support.graph import imported_files
from tests.support.repository import ROOT
from zimage_eval.config.measuring import FolderReference
from zimage_eval.config.setting_groups import ImageSettings
from zimage_eval.metrics.networks.backbones import load_backbone
from zimage_eval.metrics.sets.features import read_reference
from zimage_eval.metrics.sets.reference import drawn_pictures, folder_pictures
from zimage_eval.metrics.signatures import read_signatures
from zimage_eval.prompts.scenes.checking import detect_scene

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


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `build_reference` reads, and what a reference before left."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/lpips-alexnet").symlink_to(ROOT / "models/lpips-alexnet")
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text)
    (tmp_path / "data/reference").mkdir(parents=True)
    (tmp_path / "data/reference/inception.parquet").write_text("old")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def declare(project: Path, reference: str) -> None:
    text = (ROOT / "models/nano.yaml").read_text().replace("  - vae\n", "")
    before = "  reference:\n    source: scenes\n    num_images: 512\n"
    assert before in text
    written = text.replace(before, f"  reference: {reference}\n")
    (project / "models/nano.yaml").write_text(written)


def made(project: Path) -> list[str]:
    return sorted(path.name for path in (project / "data/reference").iterdir())


def test_any_number_of_scenes_is_a_reference(project: Path) -> None:
    declare(project, "{source: scenes, num_images: 11}")
    build_reference.main()
    assert made(project) == ["alexnet.parquet", "signatures.json"]
    assert read_reference(project / "data/reference/alexnet.parquet").shape == (11, 256)
    [name] = read_signatures(project / "data/reference/signatures.json")
    assert name == "alexnet"


def test_a_folder_is_a_reference(project: Path) -> None:
    pictures = project / "pictures"
    pictures.mkdir()
    rng = np.random.default_rng(0)
    for index, side in enumerate((40, 40, 90)):
        pixels = rng.integers(0, 256, (side, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(pictures / f"{index}.png")
    declare(project, f"{{source: folder, path: pictures, sha256: '{digest_of(pictures)}'}}")
    build_reference.main()
    features = read_reference(project / "data/reference/alexnet.parquet")
    assert features.shape == (3, 256)
    first, other = (
        torch.from_numpy(np.array(Image.open(pictures / n))) for n in ("0.png", "2.png")
    )
    backbone = load_backbone("alexnet", ROOT / "models/lpips-alexnet", torch.device("cpu"))
    for row, picture in ((0, first), (2, other)):
        wanted = backbone.features(picture.permute(2, 0, 1)[None])[0]
        assert features[row] == pytest.approx(wanted, abs=1e-4)


def test_the_baseline_as_reference_leaves_nothing(project: Path) -> None:
    declare(project, "{source: baseline}")
    build_reference.main()
    assert made(project) == ["signatures.json"]
    assert read_signatures(project / "data/reference/signatures.json") == {}
