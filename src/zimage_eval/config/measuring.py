"""What models/<model>.yaml says of how pictures are measured.

What is not in the repository stands there with a digest. DVC can't follow a path that a parameter
names, but it sees the digest change: results belong to it, and a file with another is refused.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from zimage_eval.config.frozen import Frozen
from zimage_eval.config.setting_groups import Count

NetworkName = Literal["clip", "detector", "dinov2", "inception", "vgg16"]
BackboneName = Literal["alexnet", "vae", "inception", "clip", "dinov2"]
SHIPPED: tuple[BackboneName, ...] = ("alexnet", "vae")
"""Backbones that need no file from outside: LPIPS' trunk and the model's own autoencoder."""


class PinnedFile(Frozen):
    """A file or folder outside the repository."""

    path: str | None
    """Relative to the repository or absolute; null for Inception: where clean-fid keeps it."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the file; of a folder's *.safetensors one after the other in the order of their names."""


class SceneReference(Frozen):
    """Pictures of scenes that the library draws, with even shares of all that a scene may hold."""

    source: Literal["scenes"]
    num_images: Count


class FolderReference(Frozen):
    """The pictures of a folder, its subfolders included, read as docs/metrics.md says."""

    source: Literal["folder"]
    path: str
    sha256: str
    """Of the files' names and bytes, in the order of their names."""


class BaselineReference(Frozen):
    """The baseline's own pictures: how far a variant goes from it, not how good it is."""

    source: Literal["baseline"]


Reference = Annotated[
    SceneReference | FolderReference | BaselineReference, Field(discriminator="source")
]


class Distribution(Frozen):
    """How sets of pictures are measured."""

    backbones: Annotated[tuple[BackboneName, ...], Field(strict=False, min_length=1)]
    """Each gives scores of its own, named after it."""
    reference: Reference
    seed: int
    """Of drawn scenes, of KID's blocks and of the split-half null."""
    small_sets_allowed: Annotated[tuple[str, ...], Field(strict=False)]
    """Metrics that are wanted of fewer images than they need, by name."""
