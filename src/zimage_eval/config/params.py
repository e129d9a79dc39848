"""params.yaml as frozen types: phases, studies, benchmarks and the models that are compared."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from zimage_eval.config.benchmarks import Benchmarks
from zimage_eval.config.frozen import Frozen, parse, read_yaml, shown, unknown
from zimage_eval.config.model_spec import Role
from zimage_eval.config.setting_groups import Count
from zimage_eval.config.settings import Nested, check_value, check_values, leaves

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
"""Name of models/<model>.yaml and of the weights in models/<model>/."""
FolderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Phase = Literal["screen", "confirm"]
PHASES: tuple[Phase, ...] = ("screen", "confirm")
VARIANT_NAME = r"^[A-Za-z0-9][A-Za-z0-9._=,+-]*$"  # it becomes a folder
LONGEST_NAME = 200  # of its characters: file systems end at 255 bytes
RESERVED_NAMES = ("baseline", "confirm")  # rows of the results


class PhaseSize(Frozen):
    """Number of prompts, and of seeds for each, on which a phase measures its variants."""

    num_prompts: Count
    num_seeds: Count


class Phases(Frozen):
    """Sizes of the phases: screen measures all variants, confirm one contrast on other prompts."""

    screen: PhaseSize
    confirm: PhaseSize


class Study(Frozen):
    """One sweep over settings."""

    question: str
    prompts: Role
    """Role of the prompt set, among those of the model."""
    vary: dict[str, dict[str, Annotated[tuple[Any, ...], Field(strict=False)]]]
    """Nested like `Settings`; each setting lists values, and the study has their product."""
    variants: dict[str, dict[str, dict[str, Any]]] | Literal["templates"] = Field(
        default_factory=dict, union_mode="left_to_right"
    )
    """Named overrides that are no part of the product, or `templates`: those of the prompt set."""
    confirm: str | None
    """Name of the variant that the confirm phase compares with the baseline; null for none."""

    @field_validator("vary")
    @classmethod
    def _check_vary(cls, vary: Nested) -> Nested:
        for key, values in leaves(vary):
            check_values(key, values)
        return vary

    @field_validator("variants")
    @classmethod
    def _check_variants(
        cls, variants: Mapping[str, Nested] | Literal["templates"]
    ) -> Mapping[str, Nested] | Literal["templates"]:
        if variants == "templates":
            return variants
        for name, changes in variants.items():
            if not re.fullmatch(VARIANT_NAME, name) or name in RESERVED_NAMES:
                raise ValueError(f"{shown(name)} is no name: {VARIANT_NAME}, not {RESERVED_NAMES}")
            if len(name) > LONGEST_NAME:
                raise ValueError(
                    f"{shown(name)} is no name: {len(name)} characters, at most {LONGEST_NAME}"
                )
            for key, value in leaves(changes):
                check_value(key, value)
        return variants


class ComparisonParams(Frozen):
    """Several models on the same prompts, each in its own pipeline at its recommended settings.

    Judge, backbones and reference are those of the model under study, for all models.
    """

    models: Annotated[tuple[ModelName, ...], Field(strict=False, min_length=1)]
    """In the order in which they are shown; differences are between pairs of them."""
    prompt_set: FolderName
    """Folder of prompts/ that all models draw."""
    num_prompts: Count
    """An equal share of each of its categories."""
    num_seeds: Count
    """Seeds of each prompt; with one seed there is no seed diversity."""
    capabilities: FolderName | None
    """Folder of prompts/ that asks for what a model may be unable to do; null for none."""
    num_capability_seeds: Count
    """Seeds of each of those prompts."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name in self.models:
            if self.models.count(name) > 1:
                raise ValueError(f"models: {name!r} stands twice")
        if self.capabilities == self.prompt_set:
            raise ValueError(f"capabilities: {self.capabilities!r} is the prompt set itself")
        return self


class Params(Frozen):
    """The whole of params.yaml."""

    model: ModelName
    phases: Phases
    phases_of: dict[Role, Phases] = Field(default_factory=dict)
    """Sizes for the prompt sets of these roles, in place of `phases`."""
    studies: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")], Study]
    benchmarks: Benchmarks = Field(default_factory=Benchmarks)
    comparison: ComparisonParams | None = None

    def get_study(self, key: str) -> Study:
        """The study of that key.

        Raises:
            ValueError: there is none; names the known keys.
        """
        if key not in self.studies:
            raise ValueError(f"unknown study {unknown(key, self.studies)}")
        return self.studies[key]


def load_params(path: Path) -> Params:
    """The content of params.yaml.

    Raises:
        ValueError: an unknown key, or a wrong type or value; one line.
    """
    return parse(read_yaml(path), Params, str(path))


def phases_of_role(params: Params, role: str) -> Phases:
    """The sizes of the phases on the prompt set of a role."""
    return params.phases_of.get(role, params.phases)


def need_comparison(entry: ComparisonParams | None) -> ComparisonParams:
    """The entry `comparison` of params.yaml.

    Raises:
        ValueError: params.yaml has no such entry.
    """
    if entry is None:
        raise ValueError("params.yaml: there is no entry 'comparison'")
    return entry
