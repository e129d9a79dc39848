"""A file at an address, downloaded so that a stopped download goes on, and held to its SHA-256."""

import shutil
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from zimage_eval.config.weight_sources import UrlSource
from zimage_eval.model.digests import file_digest

TIMEOUT_SECONDS = 60


def fetch_url(source: UrlSource, folder: Path, say: Callable[[str], None]) -> Path:
    """Download a file into a folder, unless it is there; its path.

    Raises:
        ValueError: it can't be downloaded to its end, or is another file than stated.
    """
    path = folder / Path(urlsplit(source.url).path).name
    if not path.is_file():
        part = path.with_name(f"{path.name}.tmp")
        folder.mkdir(parents=True, exist_ok=True)
        if not part.is_file() or file_digest(part) != source.sha256:
            _download(source, part, say)
        digest = file_digest(part)
        if digest != source.sha256:
            part.unlink()
            raise ValueError(f"{source.url}: has sha256 {digest}, wanted is {source.sha256}")
        part.replace(path)
    digest = file_digest(path)
    if digest != source.sha256:
        raise ValueError(
            f"{path}: has sha256 {digest}, that of {source.url} is {source.sha256}; move it away "
            "and fetch again"
        )
    return path


def _download(source: UrlSource, part: Path, say: Callable[[str], None]) -> None:
    """Add to `part` what it lacks of the file, or all of it if the server knows no ranges."""
    start = part.stat().st_size if part.is_file() else 0
    request = Request(source.url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            if response.status != HTTPStatus.PARTIAL_CONTENT:
                start = 0
            length = int(response.headers["Content-Length"])
            free = shutil.disk_usage(part.parent).free
            say(f"{source.url}: {length / 1e6:.1f} MB to download, {free / 1e6:.1f} MB are free")
            with part.open("ab" if start else "wb") as file:
                shutil.copyfileobj(response, file)
    except (URLError, TimeoutError, ConnectionError, HTTPException) as error:
        raise ValueError(f"{source.url}: {error}; fetch again to go on") from error
    if part.stat().st_size < start + length:
        raise ValueError(
            f"{source.url}: ended after {part.stat().st_size} of {start + length} bytes; fetch "
            "again to go on"
        )
