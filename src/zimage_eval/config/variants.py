"""A study's variants: the product of the values that it varies, and its named overrides."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from zimage_eval.config.frozen import unknown
from zimage_eval.config.params import Phase, Study
from zimage_eval.config.settings import KEYS, Key, Nested, Settings, leaves, override, value_name


class Variant(NamedTuple):
    """Named settings of a study."""

    name: str
    settings: Settings
    is_baseline: bool


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
        if variant.name in by_name:
            raise ValueError(f"two variants are named {variant.name!r}")
        twin = by_settings.get(variant.settings.canonical())
        if twin is not None:
            raise ValueError(f"variants {twin.name!r} and {variant.name!r} have the same settings")
        by_name[variant.name] = variant
        by_settings[variant.settings.canonical()] = variant
