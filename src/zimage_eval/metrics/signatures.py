"""Files of signatures: reading, writing, and refusing features of two different networks.

Like sacreBLEU's signatures: two numbers may be compared if their signatures agree.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from zimage_eval.output.results import read_json, write_json


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


def write_signatures(path: Path, signatures: Mapping[str, Mapping[str, object]]) -> None:
    """Write signatures as JSON with sorted keys: equal signatures give equal bytes."""
    write_json(path, signatures)


def read_signatures(path: Path) -> dict[str, dict[str, str]]:
    """The signatures of networks, by backbone, that `write_signatures` wrote.

    Raises:
        ValueError: there is no such file, or it is malformed; names it.
    """
    return read_json(path, TypeAdapter(dict[str, dict[str, str]]))
