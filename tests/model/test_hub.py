"""Weights by name, from a hub on 127.0.0.1 and from a cache that is laid out by hand."""

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.numpy import save

from tests.support.fakes.fake_hub import FakeHub, serve
from tests.support.repository import ROOT
from zimage_eval.config.weight_sources import HubSource, read_digests
from zimage_eval.model.hub import fetch_repository

REVISION = "0123456789abcdef0123456789abcdef01234567"
TRANSFORMER = "transformer/diffusion_pytorch_model.safetensors"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12345\n" % 0
SOURCE = HubSource(
    repository="makers/model",
    revision=REVISION,
    files=("model_index.json", "transformer/*"),
    left_out=("*.fp16*",),
)
WANTED = ["model_index.json", "transformer/config.json", TRANSFORMER]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with a small model, asked by an empty cache."""
    weights = save({"weight": np.arange(30_000, dtype=np.float32)})
    files = {
        "model_index.json": b"{}",
        "README.md": b"not wanted",
        "transformer/config.json": b'{"dim": 8}',
        TRANSFORMER: weights,
        "transformer/diffusion_pytorch_model.fp16.safetensors": b"left out",
    }
    hub = FakeHub(SOURCE.repository, REVISION, files)
    with serve(hub) as address:
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        yield hub


def fetch(tmp_path: Path, source: HubSource = SOURCE) -> list[str]:
    """Fetch the model into `tmp_path`/models/small; what was printed."""
    lines: list[str] = []
    models = tmp_path / "models"
    models.mkdir(exist_ok=True)
    fetch_repository(source, models / "small", models / "small.sha256", lines.append)
    return lines


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def names_below(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_wanted_files_are_links_in_real_folders_and_their_digests_are_written(
    hub: FakeHub, tmp_path: Path
) -> None:
    lines = fetch(tmp_path)
    folder = tmp_path / "models/small"
    assert names_below(folder) == WANTED
    for name in WANTED:
        assert (folder / name).is_symlink() and (folder / name).read_bytes() == hub.files[name]
    assert not folder.is_symlink() and not (folder / "transformer").is_symlink()
    digests = tmp_path / "models/small.sha256"
    assert read_digests(digests) == {name: sha256(hub.files[name]) for name in WANTED}
    assert digests.read_text().splitlines()[0] == f"# makers/model at {REVISION}"
    subprocess.run(["sha256sum", "--quiet", "--check", digests], cwd=folder, check=True)
    assert lines[0].startswith(f"makers/model at {REVISION}: 3 files of 0.00 GB, 0.00 GB of them")
    assert "are free" in lines[0] and lines[-1].endswith("as the hub does; commit it")


def test_what_is_there_is_not_downloaded_again(hub: FakeHub, tmp_path: Path) -> None:
    fetch(tmp_path)
    number = len(hub.downloads())
    assert number == 3
    assert all("more sha256" not in line for line in fetch(tmp_path))
    assert len(hub.downloads()) == number
    (tmp_path / "models/small" / TRANSFORMER).unlink()
    fetch(tmp_path)  # the link alone was gone
    assert len(hub.downloads()) == number
    assert (tmp_path / "models/small" / TRANSFORMER).is_file()


def test_a_cut_download_goes_on_where_it_was(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
    hub.cut_at = 70_000
    fetch(tmp_path)
    assert [part for _, _, part in hub.requests if part] == ["bytes=70000-"]
    assert (tmp_path / "models/small" / TRANSFORMER).read_bytes() == hub.files[TRANSFORMER]


def test_a_stopped_download_goes_on_with_the_files_that_are_missing(
    hub: FakeHub, tmp_path: Path
) -> None:
    fetch(tmp_path, SOURCE.model_copy(update={"files": ("transformer/*",)}))
    before = hub.downloads()
    assert sorted(Path(path).name for path in before) == [Path(name).name for name in WANTED[1:]]
    fetch(tmp_path)
    assert [Path(path).name for path in hub.downloads()[2:]] == ["model_index.json"]
    assert list(read_digests(tmp_path / "models/small.sha256")) == WANTED


@pytest.mark.parametrize("name", [TRANSFORMER, "transformer/config.json"])
def test_a_file_that_arrives_damaged_is_named_and_not_linked(
    hub: FakeHub, tmp_path: Path, name: str
) -> None:
    hub.damaged = name
    with pytest.raises(ValueError, match=r"remove .*blobs/.* and fetch again") as caught:
        fetch(tmp_path)
    folder = tmp_path / "models/small"
    assert str(caught.value).startswith(f"{folder / name}: ")
    assert names_below(folder) == [other for other in WANTED if other != name]
    assert not (tmp_path / "models/small.sha256").exists()
    Path(str(caught.value).split("remove ")[1].split(" and fetch")[0]).unlink()
    hub.damaged = None
    fetch(tmp_path)
    assert (folder / name).read_bytes() == hub.files[name]


def test_other_digests_than_stated_are_refused_before_a_download(
    hub: FakeHub, tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/small.sha256").write_text(f"{'0' * 64}  {TRANSFORMER}\n{'1' * 64}  gone\n")
    with pytest.raises(ValueError) as caught:
        fetch(tmp_path)
    first, second = caught.value.args
    assert first.endswith(f"states the sha256 of gone, which makers/model at {REVISION} has not")
    assert f"{'0' * 64} of {TRANSFORMER}, the hub {sha256(hub.files[TRANSFORMER])}" in second
    assert hub.downloads() == [] and not (tmp_path / "models/small").exists()


def test_all_files_that_differ_from_the_stated_ones_are_named(hub: FakeHub, tmp_path: Path) -> None:
    fetch(tmp_path)
    folder = tmp_path / "models/small"
    for name, content in (
        ("model_index.json", b"[]"),
        ("transformer/config.json", POINTER),
        (TRANSFORMER, hub.files[TRANSFORMER][:-9]),
    ):
        (folder / name).unlink()
        (folder / name).write_bytes(content)
    with pytest.raises(ValueError) as caught:
        fetch(tmp_path)
    differing, pointer, cut = caught.value.args
    assert differing.startswith(f"{folder}/model_index.json: has sha256 {sha256(b'[]')}, ")
    assert pointer.startswith(f"{folder}/transformer/config.json: is a Git LFS pointer")
    assert cut.startswith(f"{folder / TRANSFORMER}: is no whole safetensors file")
    assert all(line.endswith("move it away and fetch again") for line in caught.value.args)
    assert (folder / "model_index.json").read_bytes() == b"[]"  # a user's file is never removed


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository_names_its_page_and_the_login(
    hub: FakeHub, tmp_path: Path, status: int
) -> None:
    hub.gate = status
    with pytest.raises(ValueError) as caught:
        fetch(tmp_path)
    assert str(caught.value) == (
        f"makers/model is gated: accept its licence on {hub.address}/makers/model, then log in "
        "with `hf auth login` and fetch again"
    )


def test_a_missing_revision_and_repository_are_named(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"makers/model: has no revision {'f' * 40}$"):
        fetch(tmp_path, SOURCE.model_copy(update={"revision": "f" * 40}))
    with pytest.raises(ValueError, match="makers/nothing: there is no such repository"):
        fetch(tmp_path, SOURCE.model_copy(update={"repository": "makers/nothing"}))
    with pytest.raises(ValueError, match=r"has none of \*\.gguf"):
        fetch(tmp_path, SOURCE.model_copy(update={"files": ("*.gguf",)}))


def test_too_small_a_disk_is_refused_before_a_download(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("zimage_eval.model.hub.shutil.disk_usage", lambda _: usage)
    with pytest.raises(ValueError, match="are free: too little; HF_HUB_CACHE names another place"):
        fetch(tmp_path)
    assert hub.downloads() == []


def test_linked_folders_are_refused_and_links_are_brought_up_to_date(
    hub: FakeHub, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = tmp_path / "models/small"
    folder.mkdir(parents=True)
    (folder / "transformer").symlink_to(elsewhere)
    with pytest.raises(ValueError, match=f"{folder}/transformer: is a link to a folder"):
        fetch(tmp_path)
    (folder / "transformer").unlink()
    (folder / "model_index.json").symlink_to(elsewhere / "of_another_revision")
    fetch(tmp_path)
    assert (folder / "model_index.json").read_bytes() == b"{}"


def test_a_cache_laid_out_by_hand_is_linked_offline(hub: FakeHub, tmp_path: Path) -> None:
    snapshot = tmp_path / "hub/models--makers--model/snapshots" / REVISION
    for name, content in hub.files.items():
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).write_bytes(content)
    done = run_offline(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nothing is downloaded (HF_HUB_OFFLINE)" in done.stdout
    assert f"states no sha256 of 3 files, such as {WANTED[0]}" in done.stdout
    assert names_below(tmp_path / "models/small") == WANTED and hub.requests == []
    (tmp_path / "models/small.sha256").write_text(
        f"{'0' * 64}  {TRANSFORMER}\n{'1' * 64}  transformer/missing.json\n"
    )
    done = run_offline(tmp_path)
    assert done.returncode == 1 and hub.requests == []
    missing, differing = done.stderr.splitlines()
    assert missing.startswith("error: models/small/transformer/missing.json: no such file")
    digest = sha256(hub.files[TRANSFORMER])
    assert f"{TRANSFORMER}: has sha256 {digest}, models/small.sha256 states {'0' * 64}" in differing


def test_an_incomplete_cache_is_named_offline(tmp_path: Path) -> None:
    done = run_offline(tmp_path)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert f"makers/model at {REVISION}: is not whole in {tmp_path / 'hub'}" in line


def test_a_hub_that_does_not_answer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    with pytest.raises(ValueError, match=f"^{address}/makers/model: .* HF_HUB_OFFLINE=1"):
        fetch(tmp_path)


def test_the_command_honours_the_hubs_variables(hub: FakeHub, tmp_path: Path) -> None:
    done = run_fetch(tmp_path, {"HF_ENDPOINT": hub.address})
    assert done.returncode == 0, done.stderr
    assert names_below(tmp_path / "models/small") == WANTED
    assert (tmp_path / "hub/models--makers--model").is_dir()


def run_offline(folder: Path) -> "subprocess.CompletedProcess[str]":
    return run_fetch(folder, {"HF_HUB_OFFLINE": "1"})


def run_fetch(folder: Path, variables: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    """`python -m zimage_eval fetch small` in a project whose networks have the source."""
    (folder / "models/networks").mkdir(parents=True, exist_ok=True)
    files = ", ".join(f'"{pattern}"' for pattern in SOURCE.files)
    source = (
        f'{{repository: makers/model, revision: "{REVISION}", files: [{files}], '
        'left_out: ["*.fp16*"]}'
    )
    (folder / "models/networks/sources.yaml").write_text(f"small: {source}\n")
    return subprocess.run(
        [sys.executable, "-m", "zimage_eval", "fetch", "small"],
        cwd=folder,
        env=os.environ
        | {"HF_HUB_CACHE": str(folder / "hub"), "PYTHONPATH": str(ROOT / "src")}
        | variables,
        capture_output=True,
        text=True,
        check=False,
    )
