"""`python -m zimage_eval fetch`: get the weights of models and of networks by name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zimage_eval.cli.door import BadOption, Door

if TYPE_CHECKING:
    from zimage_eval.config.weight_sources import Source

FETCH_EXAMPLE = """\b
Examples, a model to study and a network that measures:
  python -m zimage_eval fetch z-image-turbo
  python -m zimage_eval fetch clip"""


def run_fetch(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Models of models/*.yaml, or networks of models/networks/sources.yaml.",
        ),
    ],
) -> None:
    """Download the weights of models and networks by name.

    They are linked into models/NAME, and their sha256 are compared with the stated ones. They stay
    in the cache of the Hugging Face hub (HF_HOME, HF_HUB_CACHE): after a stop, files that are whole
    are not downloaded again. With HF_HUB_OFFLINE=1 what the cache has is linked. SHA-256 that are
    not stated yet are written to models/NAME.sha256, as the hub states them.
    """
    door: Door = context.obj
    folder = door.folder / "models"
    sources = {name: find_source(folder, name) for name in dict.fromkeys(names)}

    from zimage_eval.config.weight_sources import HubSource, digests_file
    from zimage_eval.metrics.networks.url_file import fetch_url
    from zimage_eval.model.hub import fetch_repository

    for name, source in sources.items():
        if isinstance(source, HubSource):
            digests = digests_file(folder / f"{name}.yaml")
            fetch_repository(source, folder / name, digests, print)
        else:
            print(fetch_url(source, folder / name, print))
        if not (folder / f"{name}.yaml").is_file():
            print(_declaration(folder, name))


def find_source(folder: Path, name: str) -> "Source":
    """Where the weights of a model or a network come from.

    Args:
        folder: of all models.
        name: of the model or network.

    Raises:
        BadOption: nothing of that name is fetched; names what is.
        ValueError: its file is wrong.
    """
    from zimage_eval.benchmarks.comparison.models import load_compared_model
    from zimage_eval.config.frozen import read_yaml, unknown
    from zimage_eval.config.weight_sources import load_network_sources

    networks = load_network_sources(folder / "networks/sources.yaml")
    if name in networks:
        return networks[name]
    path = folder / f"{name}.yaml"
    if path.is_file():
        source = load_compared_model(path).source
        if source is None:
            raise ValueError(f"{path}: has no source; its weights come with the repository")
        return source
    models = [file for file in sorted(folder.glob("*.yaml")) if "source" in read_yaml(file)]
    raise BadOption("NAME", unknown(name, [*(file.stem for file in models), *networks]))


def _declaration(folder: Path, name: str) -> str:
    """The lines of models/<model>.yaml that declare a network."""
    from zimage_eval.metrics.networks.files import sha256_of

    place = folder / name
    digest = sha256_of(sorted(place.glob("*.safetensors")) or sorted(place.glob("*.pt")))
    return (
        "To measure with it, declare it in models/<model>.yaml:\nnetworks:\n"
        f'  {name}: {{path: models/{name}, sha256: "{digest}"}}'
    )
