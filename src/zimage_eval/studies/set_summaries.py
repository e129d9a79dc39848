"""Summary rows of metrics that compare sets of images: Fréchet distances, KID and the like."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from zimage_eval.config.measuring import BackboneName, Distribution
from zimage_eval.config.params import Phase
from zimage_eval.config.set_metrics import metric_name
from zimage_eval.metrics.sets.catalogue import Family, FeatureVectors, families_of
from zimage_eval.metrics.sets.features import StudyFeatures, read_reference, read_study_features
from zimage_eval.studies.summaries import ALL, IS_REFERENCE, Summary


def read_sets(
    study: Path, reference: Path, settings: Distribution
) -> tuple[dict[BackboneName, StudyFeatures], dict[BackboneName, FeatureVectors]]:
    """Read the features of a study's images and of the reference, by backbone.

    The second mapping is empty if the reference is the baseline.

    Args:
        study: folder of the study's feature tables.
        reference: folder of the reference's feature tables.
        settings: which backbones, and what the reference is.

    Raises:
        ValueError: a table is missing.
    """
    tables = {name: f"{name}.parquet" for name in settings.backbones}
    features = {name: read_study_features(study / table) for name, table in tables.items()}
    if settings.reference.source == "baseline":
        return features, {}
    return features, {name: read_reference(reference / table) for name, table in tables.items()}


def summarize_sets(
    features: Mapping[BackboneName, StudyFeatures],
    references: Mapping[BackboneName, FeatureVectors],
    variants_of: Mapping[Phase, Sequence[str]],
    baseline: str,
    settings: Distribution,
) -> list[Summary]:
    """One row per phase, variant, backbone and metric of sets; a row without number has a note.

    Args:
        features: of the study's images.
        references: features of the reference pictures; not read if the baseline is the reference.
        variants_of: phase -> names of its variants, in the order of the study.
        baseline: the name of the baseline.
        settings: what is measured and how.
    """
    summaries = []
    for phase, variants in variants_of.items():
        for variant in variants:
            for backbone, study in features.items():
                images, prompts = study.of(variant, phase)
                reference = references.get(backbone)
                if settings.reference.source == "baseline":
                    reference = None if variant == baseline else study.of(baseline, phase)[0]
                for name, values, note in _measure(images, reference, prompts, backbone, settings):
                    identity = (variant, phase, name, ALL, len(set(prompts)))
                    summaries.append(Summary(*identity, *values, note=note))
    return summaries


def _measure(
    images: FeatureVectors,
    reference: FeatureVectors | None,
    prompts: Sequence[str],
    backbone: BackboneName,
    settings: Distribution,
) -> list[tuple[str, tuple[float | None, float | None, float | None], str]]:
    """For each metric: its name, its value with both ends of the interval, and a note."""
    measurements = []
    for family in families_of(backbone):
        names = [metric_name(template, backbone) for template in family.metrics]
        note = _problem(family, names, images, reference, backbone, settings)
        values: tuple[float | None, ...] = (None,) * len(names)
        if not note:
            compared = images if reference is None else reference
            note = f"{len(images)} images"
            note += f", {len(compared)} in the reference" if family.reads_reference else ""
            try:
                values = family.measure(images, compared, backbone, settings.seed)
            except ValueError as error:  # a set without a number is a row with a note
                note = str(error)
        ends = None
        if family.interval is not None and reference is not None and values[0] is not None:
            ends = family.interval(images, reference, prompts)
        for name, value in zip(names, values, strict=True):
            is_undefined = value is None and values[0] is not None
            low, high = ends if ends is not None and name == names[0] else (None, None)
            shown = note + ": undefined at this size" * is_undefined
            measurements.append((name, (value, low, high), shown))
    return measurements


def _problem(
    family: Family,
    names: Sequence[str],
    images: FeatureVectors,
    reference: FeatureVectors | None,
    backbone: BackboneName,
    settings: Distribution,
) -> str:
    """The reason why a family has no numbers; empty if it has."""
    if family.reads_reference and reference is None:
        return IS_REFERENCE
    sizes = {"images": len(images)}
    if family.reads_reference and reference is not None:
        sizes["reference pictures"] = len(reference)
    is_allowed = any(name in settings.small_sets_allowed for name in names)
    least = family.min_computable if is_allowed else family.min_images(backbone, images.shape[1])
    few = [f"{size} {what}, {least} needed" for what, size in sizes.items() if size < least]
    return "; ".join(few)
