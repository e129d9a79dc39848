import hashlib
import os
import re
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


def declared(folder: Path, sha256: str = "0") -> FolderReference:
    return FolderReference(source="folder", path=str(folder), sha256=sha256)


def write_pictures(folder: Path, *names: str) -> None:
    """Pictures that differ; Pillow picks their kind by the suffix."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        seed = list(name.encode())
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)


def names_in(folder: Path) -> list[str]:
    """Names of the pictures, whatever digest is declared."""
    with pytest.raises(ValueError, match=r"\(\d+ pictures\): has sha256") as caught:
        folder_pictures(declared(folder))
    number, digest = re.findall(r"\((\d+) pictures\): has sha256 (\w+),", str(caught.value))[0]
    pictures = folder_pictures(declared(folder, digest))
    assert len(pictures) == int(number)
    return list(pictures)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_text("a cat")
    write_pictures(tmp_path, ".hidden.png")
    with pytest.raises(ValueError, match=r"holds no \.png, .*upper or lower case, subfolders"):
        folder_pictures(declared(tmp_path))
    for folder in (tmp_path / "none", tmp_path / "captions.txt"):
        with pytest.raises(ValueError, match=rf"^reference {folder}: (No such|Not a) "):
            folder_pictures(declared(folder))


def test_suffixes_count_in_any_case_and_of_any_kind_that_is_read(tmp_path: Path) -> None:
    names = ["A.PNG", "B.JPG", "C.Jpeg", "a.webp", "b.bmp", "c.png", "g.GIF", "t.tiff", "u.TIF"]
    write_pictures(tmp_path, *names)
    assert names_in(tmp_path) == sorted(names)
    (tmp_path / "png").mkdir()  # a folder's name is no suffix
    write_pictures(tmp_path, "png/x.png")
    assert names_in(tmp_path) == sorted([*names, "png/x.png"])


def test_hidden_files_and_what_is_no_picture_are_left_out(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a.png")
    before = digest_of(tmp_path)
    write_pictures(tmp_path, ".ipynb_checkpoints/a-checkpoint.png", ".b.jpg", ".git/x/c.png")
    (tmp_path / "._a.png").write_bytes(b"\0\5\x16\7 of macOS")
    for name, content in (
        ("captions.txt", b"BM is a file's beginning"),
        ("labels.csv", b"a.png,cat"),
        ("Thumbs.db", b"\xd0\xcf"),
        ("LICENSE", b"II*"),
        ("empty", b""),
    ):
        (tmp_path / name).write_bytes(content)
    assert list(folder_pictures(declared(tmp_path, before))) == ["a.png"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("00012", "PNG"), ("a.PNG.bak", "PNG"), ("b.jpe", "JPEG"), ("c.jfif", "JPEG")),
        *(("d.avif", "AVIF"), ("e.jp2", "JPEG2000"), ("f.apng", "PNG"), ("g.ppm", "PPM")),
        *(("h.heic", "PNG"), ("i.data", "WEBP"), ("j.tga", "TGA")),
    ],
)
def test_pictures_of_other_names_are_named(tmp_path: Path, name: str, kind: str) -> None:
    write_pictures(tmp_path, "a.png")
    Image.new("RGB", (4, 4)).save(tmp_path / name, kind)
    with pytest.raises(ValueError, match=rf"^reference {tmp_path}/{name}: is a picture, but only"):
        folder_pictures(declared(tmp_path))


def test_linked_folders_and_files_are_followed(tmp_path: Path) -> None:
    write_pictures(tmp_path, "ref/c.png", "far/a.png", "far/deep/b.png", "far/one.png")
    (tmp_path / "ref/sub").symlink_to(tmp_path / "far")
    (tmp_path / "ref/d.png").symlink_to(tmp_path / "far/one.png")
    names = ["c.png", "d.png", "sub/a.png", "sub/deep/b.png", "sub/one.png"]
    assert names_in(tmp_path / "ref") == names
    (tmp_path / "whole").symlink_to(tmp_path / "ref")
    assert names_in(tmp_path / "whole") == names


@pytest.mark.parametrize("target", [".", "..", "sub", "../ref/sub"])
def test_a_folder_that_is_linked_twice_is_named(tmp_path: Path, target: str) -> None:
    write_pictures(tmp_path, "ref/c.png", "ref/sub/a.png")
    (tmp_path / "ref/z").symlink_to(target)
    with pytest.raises(ValueError, match=r"^reference \S+: is \S+ again, by a link$"):
        folder_pictures(declared(tmp_path / "ref"))


def test_what_only_has_a_pictures_name_is_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a.png")
    for name, words in (
        ("folder.png", "is a folder, not a picture"),
        ("pipe.jpg", "is no file"),
        ("c.png", "is a link to nothing"),
        ("archive", "is a link to nothing"),
        ("loop.png", "is a link to nothing"),
    ):
        path = tmp_path / name
        if name == "folder.png":
            path.mkdir()
        elif name == "pipe.jpg":
            os.mkfifo(path)
        else:
            path.symlink_to(name if name == "loop.png" else "missing")
        with pytest.raises(ValueError, match=rf"^reference {path}: {words}$"):
            folder_pictures(declared(tmp_path))
        path.rmdir() if name == "folder.png" else path.unlink()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html>", "it begins with b'<!DOCTYPE html>'"),
        (b"\x89PNG\r\n\x1a\n", "no PNG, JPEG"),
        (b"version https://git-lfs", "b'version https://"),
    ],
)
def test_a_damaged_picture_is_named_before_its_digest_is(
    tmp_path: Path, content: bytes, words: str
) -> None:
    write_pictures(tmp_path, "a.png")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/b.JPG").write_bytes(content)
    with pytest.raises(ValueError, match=rf"^reference {tmp_path}/sub/b\.JPG: .*{words}"):
        folder_pictures(declared(tmp_path))
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "sub/b.JPG")
    data = (tmp_path / "sub/b.JPG").read_bytes()
    (tmp_path / "sub/b.JPG").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=rf"^reference {tmp_path}/sub/b\.JPG: \S+"):
        folder_pictures(declared(tmp_path))


@pytest.mark.parametrize(
    ("name", "shown"), [(b"caf\xe9.png", r"caf\\udce9\.png"), (b"x\n.png", r"x\\n\.png")]
)
def test_names_that_can_not_be_printed_are_escaped(tmp_path: Path, name: bytes, shown: str) -> None:
    (tmp_path / os.fsdecode(name)).write_bytes(b"")
    with pytest.raises(ValueError, match=rf"^reference '.*/{shown}': ") as caught:
        folder_pictures(declared(tmp_path))
    assert str(caught.value).encode() and "\n" not in str(caught.value)


def test_a_folders_pictures_are_read_as_people_see_them(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 4096).reshape(64, 64).astype("uint16")
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 48)).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("RGBA", (4, 4), (200, 0, 0, 0)).save(tmp_path / "clear.png")
    pictures = folder_pictures(declared(tmp_path, digest_of(tmp_path)))
    assert pictures["ramp.png"]().float().mean() == pytest.approx(127.5, abs=0.01)
    assert pictures["turned.jpg"]().shape == (3, 64, 48)
    assert (pictures["clear.png"]() == 255).all()


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
