"""Files of signatures: reading, writing, and refusing features of two different networks.

Like sacreBLEU's signatures: two numbers may be compared if their signatures agree.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from zimage_eval.output.results import read_json


def check_same_networks(
    features: Mapping[str, Mapping[str, str]], reference: Mapping[str, Mapping[str, str]]
) -> None:
    """Check that a study's features and the reference's come from one network and one resizing.

    Args:
        features: `resize` and `weights_sha256` behind a study's features, by backbone.
        reference: the same of the reference pictures; empty where the baseline is the reference.

    Raises:
        ValueError: they differ in a backbone; names it.
    """
    for backbone, network in features.items():
        if reference and reference.get(backbone) != network:
            raise ValueError(
                f"{backbone}: images by {network}, reference by {reference.get(backbone)}"
            )


def write_signatures(path: Path, signatures: Mapping[str, Mapping[str, Any]]) -> None:
    """Write signatures as JSON with sorted keys: equal signatures give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(signatures, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_signatures(path: Path) -> dict[str, dict[str, Any]]:
    """What `write_signatures` wrote.

    Raises:
        ValueError: there is no such file, or it is malformed; names it.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    return read_json(path, TypeAdapter(dict[str, dict[str, Any]]))
