from pathlib import Path
from typing import Any

import pytest

from tests.support.repository import ROOT
from zimage_eval.benchmarks.comparison.models import load_compared_model
from zimage_eval.config.frozen import parse_yaml, read_yaml
from zimage_eval.config.measuring import FolderReference, PinnedFile
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.weight_sources import (
    HubSource,
    UrlSource,
    load_network_sources,
    read_digests,
    stated_in,
    write_digests,
)

RELEASED = ["flux1-dev", "flux1-schnell", "sd35-large", "z-image", "z-image-turbo"]
NETWORKS = ROOT / "models/networks/sources.yaml"


@pytest.mark.parametrize("model", RELEASED)
def test_every_released_model_has_a_pinned_source(model: str) -> None:
    source = load_compared_model(ROOT / f"models/{model}.yaml").source
    assert source is not None and "model_index.json" in source.files
    assert "transformer/*" in source.files and "vae/*" in source.files


def test_the_networks_have_sources() -> None:
    sources = load_network_sources(NETWORKS)
    assert sources.keys() >= {"clip", "detector", "dinov2", "inception", "vgg16", "vlm"}
    assert isinstance(sources["inception"], UrlSource)
    for source in sources.values():
        assert isinstance(source, UrlSource) or {"model.safetensors", "*.safetensors"} & {
            *source.files
        }
    with pytest.raises(ValueError, match=r"nowhere\.yaml: no such file"):
        load_network_sources(NETWORKS.with_name("nowhere.yaml"))


def test_a_branch_is_no_revision(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("clip: {repository: a/b, revision: main, files: [x]}\n")
    with pytest.raises(ValueError, match=r"sources\.yaml: clip\..*revision"):
        load_network_sources(path)


@pytest.mark.parametrize("digits", ["0" * 64, "12345678" * 8, f"{'1' * 60}e100"])
def test_a_digest_that_yaml_reads_as_a_number_is_refused_with_the_reason(digits: str) -> None:
    unquoted = parse_yaml(f"{{path: x, sha256: {digits}}}", "x")
    if isinstance(unquoted["sha256"], str):
        pytest.skip("this YAML reads it as a text")
    reason = r"sha256\s.*YAML reads a digest without letters, or like 1e10, as a number; put it in"
    for kind in (PinnedFile, FolderReference):
        content: dict[str, Any] = (
            unquoted if kind is PinnedFile else unquoted | {"source": "folder"}
        )
        with pytest.raises(ValueError, match=f"(?s){reason}"):
            kind.model_validate(content)
    quoted = parse_yaml(f'{{path: x, sha256: "{digits}"}}', "x")
    assert PinnedFile.model_validate(quoted).sha256 == digits


def test_digests_are_written_as_sha256sum_writes_them_and_read_back(tmp_path: Path) -> None:
    path, digests = tmp_path / "small.sha256", {"b/c d": "1" * 64, "a": "0" * 64}
    write_digests(path, "of a model", digests)
    assert path.read_text() == f"# of a model\n{'0' * 64}  a\n{'1' * 64}  b/c d\n"
    assert read_digests(path) == digests
    assert read_digests(tmp_path / "none.sha256") == {}


def test_lines_that_are_no_digests_are_named(tmp_path: Path) -> None:
    path = tmp_path / "small.sha256"
    path.write_text(f"# x\n\n{'0' * 64}  a\n{'0' * 63}  b\n{'1' * 64}  a\n{'0' * 64}  a\n")
    with pytest.raises(ValueError) as caught:
        read_digests(path)
    short, second = caught.value.args
    assert short.startswith(f"{path}:4: must be a sha256, two blanks and a path: '000")
    assert second == f"{path}:5: states another sha256 of a"


def test_the_digests_of_fetched_weights_belong_to_the_model(tmp_path: Path) -> None:
    turbo = ROOT / "models/z-image-turbo.yaml"
    spec = load_model_spec(turbo)
    digests = read_digests(ROOT / "models/z-image-turbo.sha256")
    assert spec.sha256 == digests and len(digests) >= 5
    assert stated_in(turbo) == ROOT / "models/z-image-turbo.sha256"
    assert digests["vae/diffusion_pytorch_model.safetensors"].startswith("f5b59a26")
    nano = tmp_path / "nano.yaml"
    nano.write_bytes((ROOT / "models/nano.yaml").read_bytes())
    assert load_model_spec(nano).sha256 and stated_in(nano) == nano
    write_digests(tmp_path / "nano.sha256", "x", digests)
    with pytest.raises(ValueError, match=r"nano\.yaml: sha256: stand in .*nano\.sha256 too"):
        load_model_spec(nano)


def test_sources_are_declared_where_fetch_looks() -> None:
    declared = [
        path.stem for path in (ROOT / "models").glob("*.yaml") if "source" in read_yaml(path)
    ]
    assert sorted(declared) == RELEASED
    assert all(
        isinstance(load_compared_model(ROOT / f"models/{name}.yaml").source, HubSource)
        for name in declared
    )
