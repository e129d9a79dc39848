"""`python -m zimage_eval fetch`: which source a name has, and what is printed of a network."""

from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.fakes.fake_hub import FakeHub, serve
from tests.support.repository import ROOT
from zimage_eval.cli.commands import main
from zimage_eval.cli.fetch import find_source
from zimage_eval.config.frozen import parse_yaml
from zimage_eval.config.measuring import PinnedFile
from zimage_eval.config.weight_sources import HubSource, UrlSource
from zimage_eval.metrics.networks.files import INCEPTION_FILE, network_path

REVISION = "0" * 40


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("z-image-turbo", "Tongyi-MAI/Z-Image-Turbo"),
        ("z-image", "Tongyi-MAI/Z-Image"),
        ("sd35-large", "stabilityai/stable-diffusion-3.5-large"),
        ("clip", "openai/clip-vit-large-patch14"),
    ],
)
def test_models_and_networks_have_a_source(name: str, repository: str) -> None:
    source = find_source(ROOT / "models", name)
    assert isinstance(source, HubSource) and source.repository == repository


def test_clean_fids_file_has_its_name() -> None:
    source = find_source(ROOT / "models", "inception")
    assert isinstance(source, UrlSource) and source.url.endswith(f"/{INCEPTION_FILE}")


def test_a_fetched_network_is_declared_by_what_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = b"a network"
    digest = sha256(content).hexdigest()
    (tmp_path / "models/networks").mkdir(parents=True)
    with serve(FakeHub("a/b", REVISION, {INCEPTION_FILE: content})) as address:
        url = f"{address}/a/b/resolve/{REVISION}/{INCEPTION_FILE}"
        sources = f'inception: {{url: "{url}", sha256: "{digest}"}}\n'
        (tmp_path / "models/networks/sources.yaml").write_text(sources)
        assert main(["--folder", str(tmp_path), "fetch", "inception", "inception"]) == 0
    printed = capsys.readouterr().out
    declared = parse_yaml(printed[printed.index("networks:") :], "printed")["networks"]
    assert declared == {"inception": {"path": "models/inception", "sha256": digest}}
    place = PinnedFile(path=str(tmp_path / "models/inception"), sha256=digest)
    assert network_path("inception", place) == tmp_path / "models/inception"
