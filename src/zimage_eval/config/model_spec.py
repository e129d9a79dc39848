"""models/<model>.yaml: how a model is run and what measures its pictures."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from zimage_eval.config.frozen import Frozen, parse, read_yaml, unknown
from zimage_eval.config.measuring import SHIPPED, Distribution, NetworkName, PinnedFile
from zimage_eval.config.setting_groups import Count, Float
from zimage_eval.config.settings import Settings
from zimage_eval.config.weight_sources import Digest, HubSource, digests_file, read_digests

Dtype = Literal["float32", "bfloat16", "float16"]
Engine = Literal["eager", "compiled"]
Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Sentence = Annotated[str, StringConstraints(pattern=r"^\S+( \S+)*[^\s.]$")]
JudgeName = Literal[
    "scenes",
    "detector",
    "vlm",
    "hand_labels",
    "none",
]
SOFT_JUDGES: tuple[JudgeName, ...] = ("vlm",)
"""Those that give each fact a probability."""


class DtypeSettings(Frozen):
    """Number format of each part of a model."""

    text_encoder: Dtype
    transformer: Dtype
    vae: Dtype


class Planning(Frozen):
    """Measured figures that `python -m zimage_eval plan` predicts with."""

    seconds_per_forward: Annotated[Float, Field(gt=0)]
    """One transformer evaluation for one image at the default size, in the default batch."""
    seconds_per_image: Annotated[Float, Field(ge=0)]
    """Everything else an image costs: decode, save, score."""
    alignment_sd: Annotated[Float, Field(gt=0)]
    """Standard deviation over prompts of the paired difference in alignment, one seed each."""


class ModelSpec(Frozen):
    """models/<model>.yaml: how a model is run."""

    title: str
    prompt_sets: dict[Role, Role]
    """Folder of prompts/ by what it is for: `main`, and whatever else studies name."""
    judge: JudgeName
    hand_labels: PinnedFile | None
    """CSV of what people saw in pictures: they measure a judge's error, or are the judge."""
    networks: dict[NetworkName, PinnedFile]
    """Weights from outside the repository; a metric that needs one is absent without it."""
    distribution: Distribution
    filler_sentences: Annotated[tuple[Sentence, ...], Field(min_length=1, strict=False)]
    """What `prompt.filler_tokens` is made of: it says nothing of the picture."""
    batch_size: Count
    dtype: DtypeSettings
    engine: Engine = "eager"
    """How the model runs on a GPU: as diffusers runs it, or compiled, which changes last bits."""
    defaults: Settings
    planning: Planning
    sha256: dict[str, Digest] = Field(default_factory=dict)
    """Of files in models/<model>/, by their path in it. `check` refuses other ones; of a file that
    is not named here nothing is known. Those of fetched weights are in models/<model>.sha256."""
    source: HubSource | None = None
    """Where `python -m zimage_eval fetch` gets the weights; None for those of the repository."""

    @model_validator(mode="after")
    def _measured_with_what_is_there(self) -> Self:
        needed: dict[str, tuple[str, ...]] = {
            "detector": ("detector", "clip"),
            "vlm": ("vlm",),
        }
        wanted = {f"judge {self.judge!r}": needed.get(self.judge, ())}
        for backbone in self.distribution.backbones:
            wanted[f"backbone {backbone!r}"] = () if backbone in SHIPPED else (backbone,)
        for user, names in wanted.items():
            missing = [name for name in names if name not in self.networks]
            if missing:
                raise ValueError(f"{user} needs networks: {', '.join(missing)}")
        if self.judge == "hand_labels" and self.hand_labels is None:
            raise ValueError("judge 'hand_labels' needs hand_labels, the file they stand in")
        main = prompt_set_of(self, "main")
        if self.distribution.reference.source == "scenes" and main != "scenes":
            raise ValueError("reference 'scenes' is for the prompt set 'scenes' alone")
        return self


def prompt_set_of(spec: ModelSpec, role: str) -> str:
    """The folder of prompts/ that a model has for a role; a ValueError names the known roles."""
    if role not in spec.prompt_sets:
        raise ValueError(f"prompt_sets: no role is {unknown(role, spec.prompt_sets)}")
    return spec.prompt_sets[role]


def load_model_spec(path: Path, folder: Path = Path()) -> ModelSpec:
    """models/<model>.yaml; ValueError in one line, naming the known models if it is missing.

    Args:
        path: of the file.
        folder: of the project, which relative paths of declared files begin in.
    """
    if not path.is_file():
        known = sorted(file.stem for file in path.parent.glob("*.yaml"))
        raise ValueError(f"{path}: no such model {unknown(path.stem, known)}")
    spec = parse(read_yaml(path), ModelSpec, str(path))
    fetched = read_digests(digests_file(path))
    if fetched and spec.sha256:
        raise ValueError(f"{path}: sha256: stand in {digests_file(path)} too; keep one of both")
    spec = spec.model_copy(update={"sha256": fetched or spec.sha256})
    return spec if folder == Path() else _from_elsewhere(spec, folder)


def _from_elsewhere(spec: ModelSpec, folder: Path) -> ModelSpec:
    """The same settings, with paths by which the declared files of a project are found from here.

    In the project itself paths stay as they are written, because the report repeats them.
    """

    def place(path: str) -> str:
        return str(folder / Path(path).expanduser())

    def placed(file: PinnedFile) -> PinnedFile:
        return file.model_copy(update={"path": file.path and place(file.path)})

    distribution = spec.distribution
    if distribution.reference.source == "folder":
        path = place(distribution.reference.path)
        reference = distribution.reference.model_copy(update={"path": path})
        distribution = distribution.model_copy(update={"reference": reference})
    changes = {
        "hand_labels": spec.hand_labels and placed(spec.hand_labels),
        "networks": {name: placed(file) for name, file in spec.networks.items()},
        "distribution": distribution,
    }
    return spec.model_copy(update=changes)
