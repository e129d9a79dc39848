"""The part of models/<model>.yaml that declares how pictures are measured: networks and references.

Files outside the repository are declared with a digest. DVC does not track a file whose path is a
parameter, but it does see a changed digest. Results belong to that digest, and a file with another
one is refused.
"""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from zimage_eval.config.frozen import Frozen
from zimage_eval.config.setting_groups import Count
from zimage_eval.config.weight_sources import Digest, refuse_number

NetworkName = Literal["clip", "detector", "dinov2", "inception", "ocr", "vgg16", "vlm"]
BackboneName = Literal["alexnet", "vae", "inception", "clip", "dinov2"]
SHIPPED: tuple[BackboneName, ...] = ("alexnet", "vae")
"""Backbones that need no declared file: LPIPS' trunk and the model's own autoencoder."""
ALEXNET_SHA256 = "9f97fd313f4da83dbe6bbfbe6effca1241de9edfcd7c53386261ed9697286dd9"
"""Digest of LPIPS' AlexNet trunk, models/lpips-alexnet/model.safetensors."""


class PinnedFile(Frozen):
    """A file or folder outside the repository."""

    path: str | None
    """Relative to the project, or absolute; null is for Inception, then in clean-fid's own place,
    and for OCR, then in the package rapidocr."""
    sha256: Digest
    """Digest of the file, or of a folder's *.safetensors (OCR: *.onnx) in the order of their names,
    joined."""


class SceneReference(Frozen):
    """Pictures of scenes that the library draws; all attributes are equally frequent."""

    source: Literal["scenes"]
    num_images: Count


class FolderReference(Frozen):
    """The pictures of a folder, its subfolders included, read as docs/metrics.md says."""

    source: Literal["folder"]
    path: str
    sha256: Annotated[str, BeforeValidator(refuse_number)]
    """Digest of the files' names and bytes, in the order of their names."""


class BaselineReference(Frozen):
    """The baseline's pictures: distances show how much a variant changes, not how good it is."""

    source: Literal["baseline"]


Reference = Annotated[
    SceneReference | FolderReference | BaselineReference, Field(discriminator="source")
]


class Distribution(Frozen):
    """How sets of pictures are measured: backbones, reference and seed."""

    backbones: Annotated[tuple[BackboneName, ...], Field(strict=False, min_length=1)]
    """Backbones; the scores of each are named after it."""
    reference: Reference
    seed: int
    """Seed of drawn scenes, KID's blocks and the split-half null."""
    small_sets_allowed: Annotated[tuple[str, ...], Field(strict=False)]
    """Names of metrics that may be computed from fewer images than they need."""

    @model_validator(mode="after")
    def _no_backbone_twice(self) -> Self:
        if len(set(self.backbones)) < len(self.backbones):
            raise ValueError(f"backbones: one stands twice in {', '.join(self.backbones)}")
        return self
