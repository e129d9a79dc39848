"""params.yaml and models/<model>.yaml as frozen types, and how a study becomes its variants."""

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, StringConstraints, field_validator

from zimage_eval.benchmark_params import Benchmarks
from zimage_eval.comparison_params import Comparison
from zimage_eval.frozen import Frozen, parse, read_yaml, unknown
from zimage_eval.model_spec import (
    DtypeSettings,
    JudgeName,
    ModelSpec,
    Role,
    load_model_spec,
    prompt_set_of,
)
from zimage_eval.setting_groups import Count
from zimage_eval.settings import (
    KEYS,
    Key,
    Nested,
    Settings,
    check_value,
    check_values,
    leaves,
    override,
    word,
)

__all__ = [
    "PHASES",
    "DtypeSettings",
    "Frozen",
    "JudgeName",
    "ModelSpec",
    "Params",
    "Phase",
    "Settings",
    "Study",
    "Variant",
    "expand_variants",
    "load_model_spec",
    "load_params",
    "phase_variants",
    "phases_of_role",
    "prompt_set_of",
]

Phase = Literal["screen", "confirm"]
PHASES: tuple[Phase, ...] = ("screen", "confirm")
VARIANT_NAME = r"^[A-Za-z0-9][A-Za-z0-9._=,+-]*$"  # it becomes a folder
RESERVED_NAMES = ("baseline", "confirm")  # rows of the results


class PhaseSize(Frozen):
    """How many prompts and seeds a phase measures each of its variants on."""

    num_prompts: Count
    num_seeds: Count


class Phases(Frozen):
    """Screen looks at every variant, confirm at one contrast, on prompts of its own."""

    screen: PhaseSize
    confirm: PhaseSize


class Study(Frozen):
    """One sweep over settings."""

    question: str
    prompts: Role
    """Which of the model's prompt sets it is about."""
    vary: dict[str, dict[str, Annotated[tuple[Any, ...], Field(strict=False)]]]
    """Nested like `Settings`; each leaf lists values, the leaves give their product."""
    variants: dict[str, dict[str, dict[str, Any]]] | Literal["templates"] = Field(
        default_factory=dict, union_mode="left_to_right"
    )
    """Named overrides for what a product can't say, or `templates`: those of the prompt set."""
    confirm: str | None
    """Name of the one rival that is measured against the baseline at confirm size."""

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
                raise ValueError(f"{name!r} is no name: {VARIANT_NAME}, not {RESERVED_NAMES}")
            for key, value in leaves(changes):
                check_value(key, value)
        return variants


class Params(Frozen):
    """The whole of params.yaml."""

    model: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    phases: Phases
    phases_of: dict[Role, Phases] = Field(default_factory=dict)
    """Other sizes, for the prompt sets of these roles."""
    studies: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")], Study]
    benchmarks: Benchmarks = Field(default_factory=Benchmarks)
    comparison: Comparison | None = None

    def get_study(self, key: str) -> Study:
        """The study of that key, or a ValueError that names the known ones."""
        if key not in self.studies:
            raise ValueError(f"unknown study {unknown(key, self.studies)}")
        return self.studies[key]


class Variant(NamedTuple):
    """Named settings of a study."""

    name: str
    settings: Settings
    is_baseline: bool


def phases_of_role(params: Params, role: str) -> Phases:
    """How much is measured on the prompt set of a role."""
    return params.phases_of.get(role, params.phases)


def load_params(path: Path) -> Params:
    """params.yaml; ValueError in one line for an unknown key, a wrong type or value."""
    return parse(read_yaml(path), Params, str(path))


def expand_variants(
    study: Study, defaults: Settings, templates: Mapping[str, Nested] | None = None
) -> tuple[Variant, ...]:
    """The product of `vary`, then the named variants; exactly one of them is the baseline.

    Values keep their written order. Keys go in the order of `Settings` whatever the order in the
    file, because DVC does not see a change of key order. If no product equals `defaults`, the
    baseline is added in front. What is a variant of one model may be what another one recommends: a
    named variant that equals `defaults` is the baseline, one that the product holds is left out.

    Args:
        study: what is varied.
        defaults: of the model.
        templates: what `variants: templates` stands for (`templates.study_variants` finds it).

    Raises:
        ValueError: the study varies templates and none are given, two variants share a name or
            settings, or `confirm` names none of them.
    """
    keys, combined = combine_values(dict(leaves(study.vary)), defaults)
    given = templates if study.variants == "templates" else study.variants
    if given is None:
        raise ValueError("variants: templates need those of the model's prompt set")
    named = {name: override(defaults, leaves(changes)) for name, changes in given.items()}
    swept = combined if study.vary else []
    both = [(variant_name(settings, keys), settings) for settings in swept]
    both += [(name, settings) for name, settings in named.items() if settings not in swept]
    if defaults not in [settings for _, settings in both]:
        both.insert(0, (variant_name(defaults, keys), defaults))
    variants = tuple(Variant(name, settings, settings == defaults) for name, settings in both)
    _refuse_doubles(variants)
    names = [variant.name for variant in variants]
    if study.confirm is not None and study.confirm not in names:
        raise ValueError(f"confirm: no variant is named {unknown(study.confirm, names)}")
    return variants


def combine_values(
    varied: Mapping[Key, Sequence[Any]], defaults: Settings
) -> tuple[list[Key], list[Settings]]:
    """The keys in the order of `Settings`, and the product of their values, the last key fastest.

    Raises:
        ValueError: values exclude each other.
    """
    keys = [key for key in KEYS if key in varied]
    products = itertools.product(*(varied[key] for key in keys))
    return keys, [override(defaults, zip(keys, values, strict=True)) for values in products]


def phase_variants(
    variants: Sequence[Variant], phase: Phase, confirm: str | None
) -> tuple[Variant, ...]:
    """The variants a phase runs: all to screen, the baseline and its one rival to confirm."""
    if phase == "screen":
        return tuple(variants)
    return tuple(variant for variant in variants if variant.is_baseline or variant.name == confirm)


def variant_name(settings: Settings, keys: Sequence[Key]) -> str:
    """`key=value,key=value` of the given settings; "baseline" if there are none."""
    values = settings.model_dump()
    return ",".join(f"{leaf}={word(values[group][leaf])}" for group, leaf in keys) or "baseline"


def _refuse_doubles(variants: Sequence[Variant]) -> None:
    by_name: dict[str, Variant] = {}
    by_settings: dict[str, Variant] = {}
    for variant in variants:
        if variant.name in by_name:
            raise ValueError(f"two variants are named {variant.name!r}")
        twin = by_settings.get(variant.settings.canonical())
        if twin is not None:
            raise ValueError(f"variants {twin.name!r} and {variant.name!r} have the same settings")
        by_name[variant.name] = variant
        by_settings[variant.settings.canonical()] = variant
