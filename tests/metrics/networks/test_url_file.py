import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fakes.fake_hub import FakeHub, serve
from zimage_eval.config.weight_sources import UrlSource
from zimage_eval.metrics.networks.url_file import fetch_url

REVISION = "0" * 40
CONTENT = bytes(range(256)) * 400


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A server of one file."""
    hub = FakeHub("makers/model", REVISION, {"network.pt": CONTENT})
    with serve(hub):
        yield hub


def source_of(hub: FakeHub, content: bytes = CONTENT, name: str = "network.pt") -> UrlSource:
    url = f"{hub.address}/makers/model/resolve/{REVISION}/{name}"
    return UrlSource(url=url, sha256=hashlib.sha256(content).hexdigest())


def test_a_cut_file_goes_on_and_a_whole_one_is_not_downloaded_again(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.cut_at = 60_000
    lines: list[str] = []
    with pytest.raises(ValueError, match="ended after 60000 of 102400 bytes; fetch again to go on"):
        fetch_url(source_of(hub), tmp_path, lines.append)
    assert not (tmp_path / "network.pt").exists()
    path = fetch_url(source_of(hub), tmp_path, lines.append)
    assert path.read_bytes() == CONTENT and list(tmp_path.iterdir()) == [path]
    assert [part for _, _, part in hub.requests] == [None, "bytes=60000-"]
    assert "0.1 MB to download" in lines[0] and "MB are free" in lines[0]
    fetch_url(source_of(hub), tmp_path, lines.append)
    assert len(hub.requests) == 2


def test_another_file_than_stated_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    wanted = source_of(hub, b"other")
    with pytest.raises(ValueError, match=f"has sha256 .*, wanted is {wanted.sha256}"):
        fetch_url(wanted, tmp_path, print)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "network.pt").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"network\.pt: has sha256 .* move it away and fetch"):
        fetch_url(source_of(hub), tmp_path, print)
    assert (tmp_path / "network.pt").read_bytes() == b"mine"


def test_a_missing_file_is_named(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.pt: HTTP Error 404"):
        fetch_url(source_of(hub, name="gone.pt"), tmp_path, print)
