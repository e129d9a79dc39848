"""Whatever becomes of the image store, a study's pictures and their table are the same bytes."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stages import extract_embeddings, generate_images, run
from tests.support.projects.toy_project import PARAMS, enter_project, outputs
from zimage_eval.output.png import decode_png, encode_png, read_png_text
from zimage_eval.output.store import DIGEST_LENGTH, ImageStore


@pytest.fixture
def project(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with parameters, model and prompts; embeddings are extracted."""
    enter_project(tmp_path, tiny_folder, PARAMS, monkeypatch)
    extract_embeddings.main()
    return tmp_path


def test_a_full_disk_of_the_output_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Path, "write_bytes", full_disk(project / "data"))
    monkeypatch.setattr("sys.argv", ["generate_images", "baseline"])
    with pytest.raises(SystemExit) as ended:
        run(generate_images.main)
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "5 of 5 images are missing: OSError: [Errno 28] No space left on device: 'data/" in said


def full_disk(folder: Path) -> Callable[[Path, bytes], int]:
    """What stands for `Path.write_bytes`: inside a folder, half a file and then an error."""

    def write(path: Path, data: bytes) -> int:
        is_full = path.absolute().is_relative_to(folder)
        with path.open("wb") as file:
            file.write(data[: len(data) // 2] if is_full else data)
        if is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(data)

    return write


def _full(project: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Path, "write_bytes", full_disk(project / "store"))


def _read_only(project: Path, patch: pytest.MonkeyPatch) -> None:
    replace = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if path.is_relative_to(project / "store"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return replace(path, target)

    patch.setattr(Path, "replace", refuse)


def _half_writable(project: Path, patch: pytest.MonkeyPatch) -> None:
    for number in range(0, 256, 2):
        shutil.rmtree(project / f"store/{number:02x}", ignore_errors=True)
        (project / "store").mkdir(exist_ok=True)
        (project / f"store/{number:02x}").write_text("")


def _a_file(project: Path, patch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(project / "store", ignore_errors=True)
    (project / "store").write_text("")


def _of_folders(project: Path, patch: pytest.MonkeyPatch) -> None:
    for path in list((project / "store").rglob("*.png")):
        path.unlink()
        path.mkdir()


def _of_black_pictures(project: Path, patch: pytest.MonkeyPatch) -> None:
    for path in list((project / "store").rglob("*.png")):
        data = path.read_bytes()
        png, digest = data[:-DIGEST_LENGTH], data[-DIGEST_LENGTH:]
        path.write_bytes(encode_png(0 * decode_png(png), read_png_text(png)) + digest)


def _of_an_earlier_version(project: Path, patch: pytest.MonkeyPatch) -> None:
    for path in list((project / "store").rglob("*.png")):
        path.write_bytes(path.read_bytes()[:-DIGEST_LENGTH])


def _rewritten(project: Path, change: Callable[[bytes], bytes]) -> None:
    """Other pictures, each with the digest that it should have."""
    store = ImageStore(project / "store")
    for path in list((project / "store").rglob("*.png")):
        data = change(path.read_bytes()[:-DIGEST_LENGTH])
        store.save([path.parent.name + path.stem], [data])


def _of_another_size(project: Path, patch: pytest.MonkeyPatch) -> None:
    _rewritten(project, lambda png: encode_png(decode_png(png)[:, :8], read_png_text(png)))


def _without_records(project: Path, patch: pytest.MonkeyPatch) -> None:
    _rewritten(project, lambda png: encode_png(decode_png(png), {}))


@pytest.mark.parametrize("is_filled", [False, True], ids=["empty before", "filled before"])
@pytest.mark.parametrize(
    "spoil",
    [
        _full,
        _read_only,
        _half_writable,
        _a_file,
        _of_folders,
        _of_black_pictures,
        _of_an_earlier_version,
        _of_another_size,
        _without_records,
    ],
)
def test_a_spoiled_store_changes_no_picture(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path, pytest.MonkeyPatch], None],
    is_filled: bool,
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("ZIMAGE_EVAL_STORE", str(project / "elsewhere"))
        generate_images.main("baseline")
        undisturbed = outputs("baseline")
        if is_filled:
            shutil.copytree(project / "elsewhere", project / "store", dirs_exist_ok=True)
    capsys.readouterr()
    with monkeypatch.context() as patch:
        spoil(project, patch)
        generate_images.main("baseline")
    assert outputs("baseline") == undisturbed
    said = capsys.readouterr()
    assert "0 failed" in said.out
    warnings = said.err.count("warning: image store: ")
    nothing_to_do = spoil in (_full, _read_only) if is_filled else spoil not in (
        _full, _read_only, _half_writable, _a_file
    )  # fmt: skip
    assert warnings == 0 if nothing_to_do else 1 <= warnings <= 2
    assert not list(project.rglob("*.tmp"))
    if spoil not in (_a_file, _half_writable, _of_folders):
        generate_images.main("baseline")
        generate_images.main("baseline")  # what was replaced is found again
        assert "5 images, 5 from the store" in capsys.readouterr().out.splitlines()[-1]
        assert outputs("baseline") == undisturbed
