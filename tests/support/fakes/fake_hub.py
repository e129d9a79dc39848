"""A model hub on 127.0.0.1: the tree of a revision, and its files with ranges."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

LARGE_SUFFIX = ".safetensors"
"""Files that the hub keeps by SHA-256; of the others it knows git's digest alone."""


@dataclass
class FakeHub:
    """A repository of one revision, and what goes wrong with it."""

    repository: str
    revision: str
    files: dict[str, bytes]
    gate: int | None = None
    """Status with which files are refused, as those of a gated repository are."""
    cut_at: int | None = None
    """The next file is cut off after as many bytes, once."""
    damaged: str | None = None
    """A file that arrives with its last byte changed."""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and range of everything that was asked."""
    address: str = ""

    def tree(self) -> list[dict[str, Any]]:
        """The entries of all files."""
        return [_entry(name, content) for name, content in self.files.items()]

    def downloads(self) -> list[str]:
        """Paths of the files whose content was asked for, one after the other."""
        return [
            path for method, path, _ in self.requests if method == "GET" and "/resolve/" in path
        ]


@contextmanager
def serve(hub: FakeHub) -> Iterator[str]:
    """Serve a hub; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub.address
    finally:
        server.shutdown()
        server.server_close()


def git_digest(content: bytes) -> str:
    """SHA-1 by which git names a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _entry(name: str, content: bytes) -> dict[str, Any]:
    entry = {"type": "file", "path": name, "size": len(content), "oid": git_digest(content)}
    if not name.endswith(LARGE_SUFFIX):
        return entry
    digest = hashlib.sha256(content).hexdigest()
    return entry | {"lfs": {"oid": digest, "size": len(content), "pointerSize": 130}}


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(is_head=True)

        def do_GET(self) -> None:
            self._answer(is_head=False)

        def log_message(self, *words: object) -> None:
            """Nothing: the requests are kept."""

        def _answer(self, is_head: bool) -> None:
            path = urlsplit(self.path).path
            hub.requests.append((self.command, path, self.headers["Range"]))
            tree = re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", path)
            file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
            match = tree or file
            if match is None or match[1] != hub.repository:
                self._refuse(401 if match else 404, "RepoNotFound")
            elif match[2] != hub.revision:
                self._refuse(404, "RevisionNotFound")
            elif tree:
                self._send(200, json.dumps(hub.tree()).encode(), {"ETag": '"tree"'}, is_head)
            elif hub.gate is not None:
                self._refuse(hub.gate, "GatedRepo")
            elif match[3] not in hub.files:
                self._refuse(404, "EntryNotFound")
            else:
                self._send_file(match[3], is_head)

        def _send_file(self, name: str, is_head: bool) -> None:
            content = hub.files[name]
            entry = _entry(name, content)
            etag = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
            headers = {"ETag": f'"{etag}"', "X-Repo-Commit": hub.revision, "Accept-Ranges": "bytes"}
            if name == hub.damaged:
                content = content[:-1] + bytes([content[-1] ^ 1])
            start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").split("-")[0])
            if start:
                size = len(content)
                headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
            self._send(206 if start else 200, content[start:], headers, is_head)

        def _send(self, status: int, body: bytes, headers: dict[str, str], is_head: bool) -> None:
            self.send_response(status)
            for key, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(key, value)
            self.end_headers()
            if is_head:
                return
            if hub.cut_at is not None and len(body) > hub.cut_at:
                body, hub.cut_at = body[: hub.cut_at], None
                self.close_connection = True
            self.wfile.write(body)

        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            for key, value in {"X-Error-Code": code, "Content-Length": "0"}.items():
                self.send_header(key, value)
            self.end_headers()

    return Handler
