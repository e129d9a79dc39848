"""One changed byte in any file of a model's folder is noticed, through links as well."""

import shutil
from pathlib import Path

import pytest
from dvc.repo import Repo
from dvc.scm import Git

from tests.support.graph import ROOT, STAGES

MODELS = sorted(path.parent.name for path in ROOT.glob("models/*/model_index.json"))


def model_deps() -> list[str]:
    """All deps of dvc.yaml that lie in the model's folder, still with `${model}`."""
    deps = [dep for stage in STAGES.values() for dep in stage["deps"]]
    return sorted({dep for dep in deps if dep.startswith("models/${model}/")})


@pytest.mark.parametrize("model", MODELS or ["tiny"])
def test_a_changed_byte_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    if MODELS:
        shutil.copytree(ROOT / "models", tmp_path / "models", symlinks=True)
    else:
        from tests.support.models.tiny_model import build_tiny_model

        build_tiny_model(tmp_path / "models" / model)
    Git.init(str(tmp_path)).close()
    deps = "".join(f"      - {dep}\n" for dep in model_deps()).replace("${model}", model)
    (tmp_path / "dvc.yaml").write_text(f"stages:\n  use:\n    cmd: 'true'\n    deps:\n{deps}")
    monkeypatch.chdir(tmp_path)
    with Repo.init() as repo:
        repo.reproduce()
        assert repo.status() == {}
        files = [path for path in (tmp_path / "models" / model).rglob("*") if path.is_file()]
        opened = [path for path in files if path.suffix != ".md"]
        assert len(opened) >= 10
        for path in opened:
            content = path.read_bytes()
            path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
            assert repo.status() != {}, f"{path.relative_to(tmp_path)} changed unseen"
            path.write_bytes(content)
            assert repo.status() == {}
