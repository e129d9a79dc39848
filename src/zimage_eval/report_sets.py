"""What the report says of sets of pictures: a table a backbone, and why numbers are missing."""

from collections.abc import Sequence

from zimage_eval.config.measuring import BackboneName, BaselineReference, Distribution
from zimage_eval.config.params import PHASES
from zimage_eval.config.variants import Variant
from zimage_eval.metrics.sets.catalogue import set_metrics
from zimage_eval.studies.set_summaries import IS_REFERENCE
from zimage_eval.studies.shown_numbers import (
    ARROWS,
    MISSING,
    markdown_table,
    show_interval,
    variant_cell,
)
from zimage_eval.studies.summaries import Summary


def describe_reference(settings: Distribution) -> str:
    """The reference in words."""
    reference = settings.reference
    if isinstance(reference, BaselineReference):
        return "the baseline's own pictures"
    if reference.source == "folder":
        return f"the pictures of `{reference.path}` (sha256 `{reference.sha256[:16]}`)"
    return f"{reference.num_images:,} drawn scenes with even shares of everything"


def set_tables(
    variants: Sequence[Variant], summaries: Sequence[Summary], settings: Distribution
) -> str:
    """For each backbone a table of variants by metrics that have a number, and the reasons."""
    parts = [f"Against {describe_reference(settings)}; compare rows of one phase alone."]
    for backbone in settings.backbones:
        parts += [_table(variants, summaries, backbone), _reasons(summaries, backbone)]
    return "\n\n".join(part for part in parts if part)


def _table(
    variants: Sequence[Variant], summaries: Sequence[Summary], backbone: BackboneName
) -> str:
    metrics = set_metrics([backbone])
    found = {(s.variant, s.phase, s.metric): s for s in summaries if s.metric in metrics}
    columns = [
        name
        for name in metrics
        if any(s.metric == name and s.mean is not None for s in found.values())
    ]
    rows = []
    for phase in PHASES:
        for variant in variants:
            row = [found.get((variant.name, phase, name)) for name in columns]
            if any(row):
                shown = [
                    show_interval(each.mean, each.low, each.high, metrics[name].decimals)
                    if each
                    else MISSING
                    for name, each in zip(columns, row, strict=True)
                ]
                rows.append([variant_cell(variant), phase, *shown])
    if not rows:
        return ""
    titles = [name.replace("_", " ") + ARROWS[metrics[name].better] for name in columns]
    return markdown_table(["variant", "phase", *titles], rows)


def _reasons(summaries: Sequence[Summary], backbone: BackboneName) -> str:
    """Each reason for a missing number once, with the metrics it is of."""
    metrics = set_metrics([backbone])
    by_reason: dict[str, set[str]] = {}
    for row in summaries:
        if row.metric in metrics and row.mean is None and row.note and row.note != IS_REFERENCE:
            by_reason.setdefault(f"{row.phase}, {row.note}", set()).add(row.metric)
    lines = [
        f"- no {', '.join(f'`{name}`' for name in metrics if name in names)}: {reason}"
        for reason, names in by_reason.items()
    ]
    return "\n".join(lines)
