"""A study's variants: the product of what it varies, those that it names, and the file of both."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError

from zimage_eval.config.frozen import Frozen, first_problem, shown, unknown
from zimage_eval.config.model_spec import Role
from zimage_eval.config.params import LONGEST_NAME, Phase, Study
from zimage_eval.config.settings import KEYS, Key, Nested, Settings, leaves, override, value_name

ORDER_FILE = "_order.json"
"""Beside the studies; no study can have this name."""


class Variant(NamedTuple):
    """Named settings of a study."""

    name: str
    settings: Settings
    is_baseline: bool


class ExpandedStudy(Frozen):
    """A study as its stages take it: every variant with all of its settings.

    data/studies/<key>.json holds one, so that no later stage reads params.yaml to know it.
    """

    model: str
    """A name in models/."""
    prompts: Role
    confirm: str | None
    varied: Annotated[tuple[Annotated[Key, Field(strict=False)], ...], Field(strict=False)]
    """Settings that `vary` gives more than one value, in the order of `Settings`."""
    baseline: str
    """Name of the variant that equals the model's defaults."""
    settings: dict[str, Settings]
    """Of every variant, by its name, in the order of the study."""

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants in order."""
        return tuple(
            Variant(name, settings, name == self.baseline)
            for name, settings in self.settings.items()
        )


def expand_study(study: Study, model: str, variants: Sequence[Variant]) -> ExpandedStudy:
    """The study with its variants, as `templates.study_variants` finds them."""
    varied = dict(leaves(study.vary))
    return ExpandedStudy(
        model=model,
        prompts=study.prompts,
        confirm=study.confirm,
        varied=tuple(key for key in KEYS if len(varied.get(key, ())) > 1),
        baseline=next(variant.name for variant in variants if variant.is_baseline),
        settings={variant.name: variant.settings for variant in variants},
    )


def write_studies(folder: Path, studies: Mapping[str, ExpandedStudy]) -> None:
    """Write a JSON file a study, and one that holds their order.

    Equal studies give equal bytes, whatever stands before them in params.yaml.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for key, study in studies.items():
        text = study.model_dump_json(indent=1) + "\n"
        (folder / f"{key}.json").write_text(text, encoding="utf-8")
    (folder / ORDER_FILE).write_text(json.dumps(list(studies)) + "\n", encoding="utf-8")


def read_study(path: Path) -> ExpandedStudy:
    """A study as it was written.

    Raises:
        ValueError: the file is missing or holds something else; names it.
    """
    if not path.is_file():
        names = sorted(file.stem for file in path.parent.glob("[!_]*.json"))
        raise ValueError(f"{path}: unknown study {unknown(path.stem, names)}")
    try:
        return ExpandedStudy.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ValueError(f"{path}: {first_problem(error)}") from error


def read_studies(folder: Path) -> dict[str, ExpandedStudy]:
    """Every study of a folder by its key, in the order of params.yaml.

    Raises:
        ValueError: a file is missing or holds something else; names it.
    """
    path = folder / ORDER_FILE
    if not path.is_file():
        raise ValueError(f"{path}: no such file; the stage expand_studies writes it")
    order = json.loads(path.read_text(encoding="utf-8"))
    return {key: read_study(folder / f"{key}.json") for key in order}


def expand_variants(
    study: Study, defaults: Settings, templates: Mapping[str, Nested] | None = None
) -> tuple[Variant, ...]:
    """The product of `vary`, then the named variants; exactly one of them is the baseline.

    Values keep their order in the file. Keys are in the order of `Settings`, because DVC does not
    see a change of their order in the file. If no variant equals `defaults`, the baseline is added
    in front. A variant of one model may be the recommended settings of another, so a named variant
    that equals `defaults` is the baseline, and one that the product contains is left out.

    Args:
        study: lists the values and the named variants.
        defaults: settings of the model.
        templates: the named variants that `variants: templates` stands for, from
            `prompts.templates.study_variants`.

    Raises:
        ValueError: the study varies templates and there are none, two variants have the same name
            or the same settings, or `confirm` is the name of no variant.
    """
    keys, combined = combine_values(dict(leaves(study.vary)), defaults)
    overrides = templates if study.variants == "templates" else study.variants
    if overrides is None:
        raise ValueError("variants: templates need those of the model's prompt set")
    named = {name: override(defaults, leaves(changes)) for name, changes in overrides.items()}
    swept = combined if study.vary else []
    pairs = [(variant_name(settings, keys), settings) for settings in swept]
    pairs += [(name, settings) for name, settings in named.items() if settings not in swept]
    if defaults not in [settings for _, settings in pairs]:
        pairs.insert(0, (variant_name(defaults, keys), defaults))
    variants = tuple(Variant(name, settings, settings == defaults) for name, settings in pairs)
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
        ValueError: two values exclude each other.
    """
    keys = [key for key in KEYS if key in varied]
    products = itertools.product(*(varied[key] for key in keys))
    return keys, [override(defaults, zip(keys, values, strict=True)) for values in products]


def combined_variants(
    varied: Mapping[Key, Sequence[Any]], defaults: Settings
) -> tuple[list[Key], list[Variant]]:
    """As `combine_values`, with a variant for each combination; none of them is added.

    Raises:
        ValueError: two values exclude each other.
    """
    keys, combined = combine_values(varied, defaults)
    return keys, [
        Variant(variant_name(settings, keys), settings, settings == defaults)
        for settings in combined
    ]


def phase_variants(
    variants: Sequence[Variant], phase: Phase, confirm: str | None
) -> tuple[Variant, ...]:
    """The variants of a phase: all in `screen`; in `confirm` the baseline and the one named so."""
    if phase == "screen":
        return tuple(variants)
    return tuple(variant for variant in variants if variant.is_baseline or variant.name == confirm)


def variant_name(settings: Settings, keys: Sequence[Key]) -> str:
    """`key=value,key=value` for the settings in `keys`; "baseline" without keys."""
    values = settings.model_dump()
    return (
        ",".join(f"{leaf}={value_name(values[group][leaf])}" for group, leaf in keys) or "baseline"
    )


def _refuse_doubles(variants: Sequence[Variant]) -> None:
    by_name: dict[str, Variant] = {}
    by_settings: dict[str, Variant] = {}
    for variant in variants:
        if len(variant.name) > LONGEST_NAME:
            raise ValueError(
                f"variant {shown(variant.name)}: a name of {len(variant.name)} characters becomes "
                f"no folder; allowed: {LONGEST_NAME}"
            )
        if variant.name in by_name:
            raise ValueError(f"two variants are named {variant.name!r}")
        twin = by_settings.get(variant.settings.canonical())
        if twin is not None:
            raise ValueError(f"variants {twin.name!r} and {variant.name!r} have the same settings")
        by_name[variant.name] = variant
        by_settings[variant.settings.canonical()] = variant
