"""What computed a result is written the same way each time, and named by all of it."""

import json
from pathlib import Path

import pytest

from zimage_eval.model import environment as module
from zimage_eval.model.environment import (
    Environment,
    describe_environment,
    group_environments,
    ids_of,
    read_environment,
    read_environments,
    write_environment,
    write_environments,
)

CPU = Environment(
    device="cpu AVX2", driver=None, cuda=None, python="3.11.7", libraries={"torch": "2.6.0"}
)
GPU = CPU.model_copy(update={"device": "NVIDIA H100", "driver": "550.54.15", "cuda": "12.4"})


def test_a_machine_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    write_environment(tmp_path / "new/a.json")
    write_environment(tmp_path / "b.json")
    assert (tmp_path / "new/a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_environment(tmp_path / "b.json") == describe_environment()


def test_this_machine_has_a_device_and_a_version_of_every_library() -> None:
    here = describe_environment()
    assert here.device
    assert (here.cuda is None) == here.device.startswith("cpu")
    assert set(here.libraries) == set(module.LIBRARIES)
    assert all(number[0].isdigit() for number in here.libraries.values())


@pytest.mark.parametrize("changed", [{"driver": "1"}, {"libraries": {"torch": "2.6.1"}}])
def test_the_id_depends_on_everything(changed: dict) -> None:
    assert CPU.model_copy().id == CPU.id
    assert CPU.model_copy(update=changed).id != CPU.id


def test_equal_environments_become_one(tmp_path: Path) -> None:
    computed = {"build_reference": CPU, "compute_scores/a": GPU, "compute_scores/b": CPU}
    environments = group_environments(computed)
    assert environments[CPU.id].computed == ["build_reference", "compute_scores/b"]
    assert environments[GPU.id].computed == ["compute_scores/a"]
    assert ids_of(environments, "build_reference") == [CPU.id]
    assert sorted(ids_of(environments, "compute_scores")) == sorted([CPU.id, GPU.id])
    assert ids_of(environments, "compute") == []
    write_environments(tmp_path / "environment.json", environments)
    assert read_environments(tmp_path / "environment.json") == environments


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC\n",
            "550.54.15",
        ),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release Build\n",
            "570.86.10",
        ),
        ("something else\n", None),
    ],
)
def test_the_driver_is_read_where_linux_tells_it(
    text: str, version: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRIVER_FILE", tmp_path / "version")
    assert module._driver_version() is None
    (tmp_path / "version").write_text(text)
    assert module._driver_version() == version


@pytest.mark.parametrize("text", ["{}", json.dumps(CPU.model_dump() | {"host": "x"}), "{"])
def test_another_file_is_refused_by_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "environment.json"
    with pytest.raises(ValueError, match=r"environment\.json: no such"):
        read_environment(path)
    path.write_text(text)
    with pytest.raises(ValueError, match=r"environment\.json"):
        read_environment(path)
