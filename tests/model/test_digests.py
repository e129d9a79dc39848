import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from zimage_eval.model import digests
from zimage_eval.model.digests import file_digest, file_digests, joined_digest, record_of


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that counts as large, and as unchanged for long."""
    monkeypatch.setattr(digests, "RECORDED_BYTES", 1000)
    monkeypatch.setattr(digests, "SETTLED_NANOSECONDS", 0)
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes(range(256)) * 8)
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read whole, one after the other."""
    paths: list[Path] = []
    whole = digests._sha256

    def read(files: Sequence[Path]) -> str:
        paths.extend(files)
        return whole(files)

    monkeypatch.setattr(digests, "_sha256", read)
    return paths


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_large_file_is_read_once(weights: Path, reads: list[Path]) -> None:
    assert file_digest(weights) == file_digest(weights) == sha256(weights)
    assert reads == [weights]
    assert [path.name for path in weights.parent.iterdir() if path != weights] == [
        ".model.safetensors.digest"
    ]


def test_a_small_file_has_no_record(weights: Path, reads: list[Path]) -> None:
    weights.write_bytes(b"x" * 999)
    assert file_digest(weights) == file_digest(weights) == sha256(weights)
    assert len(reads) == 2 and not record_of(weights).exists()


def test_a_changed_file_of_the_same_size_and_time_is_read_again(weights: Path) -> None:
    before, status = file_digest(weights), weights.stat()
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))  # as a copying program does
    assert weights.stat().st_mtime_ns == status.st_mtime_ns
    assert file_digest(weights) == sha256(weights) != before


@pytest.mark.parametrize("key", ["device", "inode", "size", "mtime_ns", "ctime_ns"])
def test_a_record_of_another_file_is_not_used(weights: Path, key: str) -> None:
    file_digest(weights)
    record = json.loads(record_of(weights).read_text())
    record["identity"][0][key] += 1
    record_of(weights).write_text(json.dumps(record | {"sha256": "0" * 64}))
    assert file_digest(weights) == sha256(weights)
    assert json.loads(record_of(weights).read_text())["sha256"] == sha256(weights)


def test_a_file_that_has_just_changed_gets_no_record(
    weights: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "SETTLED_NANOSECONDS", 60 * 10**9)
    assert file_digest(weights) == file_digest(weights)
    assert len(reads) == 2 and not record_of(weights).exists()


def test_a_file_that_changes_while_it_is_read_gets_no_record(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = digests._sha256

    def read_and_change(files: Sequence[Path]) -> str:
        digest = whole(files)
        files[0].write_bytes(b"y" * 2048)
        return digest

    monkeypatch.setattr(digests, "_sha256", read_and_change)
    file_digest(weights)
    assert not record_of(weights).exists()


def test_a_link_to_another_file_is_read_again(weights: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(weights)
    assert file_digest(link) == sha256(weights)
    other = tmp_path / "other"
    other.write_bytes(b"z" * 2048)
    link.unlink()
    link.symlink_to(other)
    assert file_digests([link, weights]) == [sha256(other), sha256(weights)]


def test_files_are_joined_in_their_order_and_read_once(
    weights: Path, tmp_path: Path, reads: list[Path]
) -> None:
    other = tmp_path / "model-2.safetensors"
    other.write_bytes(b"w" * 999)
    joined = hashlib.sha256(weights.read_bytes() + other.read_bytes()).hexdigest()
    assert joined_digest([weights, other]) == joined_digest([weights, other]) == joined
    assert reads == [weights, other]
    assert file_digest(weights) == sha256(weights) and file_digest(other) == sha256(other)
    other.write_bytes(b"v" * 999)
    assert joined_digest([weights, other]) != joined


def test_records_are_ignored_and_no_file_of_the_repository_has_one() -> None:
    for name in (".gitignore", ".dvcignore"):
        assert ".*.digest" in (ROOT / name).read_text().splitlines()
    sizes = [path.stat().st_size for path in (ROOT / "models").rglob("*.safetensors")]
    assert len(sizes) > 12 and max(sizes) < digests.RECORDED_BYTES
