"""A study's variants: the product of what it varies, and those that it names."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from zimage_eval.config.frozen import shown, unknown
from zimage_eval.config.params import LONGEST_NAME, Phase, Study
from zimage_eval.config.settings import KEYS, Key, Nested, Settings, leaves, override, word


class Variant(NamedTuple):
    """Named settings of a study."""

    name: str
    settings: Settings
    is_baseline: bool


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
