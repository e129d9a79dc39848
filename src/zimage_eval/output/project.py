"""A project: the folder of params.yaml, models/ and prompts/, and what the graph writes into it.

Stages and commands begin with `Project.open()`. The paths of what several of them read are written
here. The image store and the loaders of templates and prompt sets are left to those who need them:
every stage imports this file, so whatever it imports makes all stages rerun.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

from zimage_eval.config.benchmarks import need
from zimage_eval.config.frozen import Frozen
from zimage_eval.config.model_spec import ModelSpec, load_model_spec, prompt_set_of
from zimage_eval.config.params import (
    PHASES,
    ComparisonParams,
    Params,
    Phase,
    load_params,
    need_comparison,
)
from zimage_eval.config.variants import ExpandedStudy, read_studies, read_study

if TYPE_CHECKING:  # a name of types decides nothing
    from zimage_eval.prompts.sets import PromptRow

Parameters = TypeVar("Parameters", bound=Frozen)


class RolePrompts(NamedTuple):
    """The prompts of a role, by phase."""

    rows: Mapping[Phase, "list[PromptRow]"]
    """Of each phase's PROMPTS table, in the order in which they are drawn."""

    @property
    def texts(self) -> dict[Phase, list[str]]:
        """The prompts' texts, in the same order."""
        return {phase: [row["text"] for row in rows] for phase, rows in self.rows.items()}


@dataclass(frozen=True)
class Project:
    """A folder, and what stands in it. A file is read when it is first asked for.

    So a stage reads params.yaml only if it uses `params`, or what needs it: `model` and all that
    belongs to the model.
    """

    folder: Path
    named_model: str | None = None
    """The model to use; None for that of params.yaml."""

    @classmethod
    def open(cls, folder: Path = Path(), model: str | None = None) -> Self:
        """The project in `folder`, with another model than that of params.yaml if one is named."""
        return cls(folder, model)

    @cached_property
    def params(self) -> Params:
        """The content of params.yaml; a ValueError names the folder that has none."""
        path = self.folder / "params.yaml"
        if not path.is_file():
            raise ValueError(
                f"{path.absolute()}: no such file; start in the folder of params.yaml, or name it "
                "with --folder"
            )
        return load_params(path)

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.named_model or self.params.model

    @property
    def model_file(self) -> Path:
        """File of the model's settings."""
        return self.folder / f"models/{self.model}.yaml"

    @property
    def model_folder(self) -> Path:
        """Folder of the model's weights."""
        return self.folder / f"models/{self.model}"

    @cached_property
    def spec(self) -> ModelSpec:
        """The model's settings; paths of declared files are such that they can be opened."""
        return load_model_spec(self.model_file, self.folder)

    @property
    def lpips_folder(self) -> Path:
        """Folder of the weights of AlexNet, which LPIPS and a backbone share."""
        return self.folder / "models/lpips-alexnet"

    @property
    def shipped_backbones(self) -> dict[str, Path]:
        """Weights of the backbones that need no declared file, by the backbone's name."""
        return {"alexnet": self.lpips_folder, "vae": self.model_folder / "vae"}

    def benchmark(self, name: str, kind: type[Parameters]) -> Parameters:
        """The parameters of a benchmark.

        Args:
            name: key below `benchmarks` in params.yaml.
            kind: their type.

        Raises:
            ValueError: params.yaml has no such entry.
        """
        entry = need(getattr(self.params.benchmarks, name), name)
        assert isinstance(entry, kind), name
        return entry

    @property
    def comparison(self) -> ComparisonParams:
        """Which models are compared; ValueError if params.yaml does not say it."""
        return need_comparison(self.params.comparison)

    @property
    def templates(self) -> Path:
        """Folder of the files of templates."""
        return self.folder / "prompts/templates"

    def prompt_set(self, role: str) -> Path:
        """Folder of the prompt set that the model has for a role.

        Raises:
            ValueError: the model has no such role; names its file and the roles it has.
        """
        try:
            return self.folder / f"prompts/{prompt_set_of(self.spec, role)}"
        except ValueError as error:
            raise ValueError(f"{self.model_file}: {error}") from error

    def prompt_table(self, role: str, phase: Phase) -> Path:
        """File of the prompts that a phase draws, written by the stage `build_prompt_sets`."""
        return self.folder / f"data/prompts/{role}/{phase}.parquet"

    def prompt_rows(self, role: str, phase: Phase) -> "list[PromptRow]":
        """The rows of `prompt_table`."""
        from zimage_eval.output.tables import PROMPTS, read_table  # pyarrow takes a while to import

        rows: list[PromptRow] = read_table(self.prompt_table(role, phase), PROMPTS).to_pylist()
        return rows

    def prompts(self, role: str) -> RolePrompts:
        """The prompts of both phases, from their tables."""
        return RolePrompts({phase: self.prompt_rows(role, phase) for phase in PHASES})

    @property
    def studies_folder(self) -> Path:
        """Folder of the expanded studies, written by the stage `expand_studies`."""
        return self.folder / "data/studies"

    def study(self, key: str) -> ExpandedStudy:
        """A study with all settings of its variants, from `studies_folder`.

        Its model is `study.model`: `Project.open(model=study.model)` reads no params.yaml.
        """
        return read_study(self.studies_folder / f"{key}.json")

    @cached_property
    def studies(self) -> dict[str, ExpandedStudy]:
        """Every expanded study by its key, in the order of params.yaml."""
        return read_studies(self.studies_folder)
