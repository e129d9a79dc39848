"""Metrics of sets of pictures by variant and phase, and why some have no number."""

import numpy as np

from tests.support.projects.distribution_settings import settings
from zimage_eval.config.measuring import Distribution
from zimage_eval.config.set_metrics import set_metrics
from zimage_eval.config.variants import Variant
from zimage_eval.metrics.sets.features import StudyFeatures
from zimage_eval.metrics.sets.frechet import frechet_score
from zimage_eval.metrics.sets.kernel import kid_score
from zimage_eval.metrics.sets.manifold import manifold_scores, vendi_score
from zimage_eval.report.studies import set_tables
from zimage_eval.studies.results import study_results
from zimage_eval.studies.set_summaries import summarize_sets
from zimage_eval.studies.summaries import Summary

NUM_FEATURES = 20


def normals(seed: int, num_images: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(num_images, NUM_FEATURES)).astype(np.float32)


def study(**sizes: int) -> StudyFeatures:
    """Variants with so many images each, two a prompt."""
    rows, parts = [], []
    for index, (variant, size) in enumerate(sizes.items()):
        rows += [
            {"variant": variant, "phase": "screen", "prompt_id": f"p{i // 2}", "seed": i % 2}
            for i in range(size)
        ]
        parts.append(normals(index, size))
    return StudyFeatures(rows, np.concatenate(parts))


def summarize(
    features: StudyFeatures, declared: Distribution, *asked: str
) -> dict[tuple[str, str], Summary]:
    reference = {"alexnet": normals(99, 200)}
    rows = summarize_sets(
        {"alexnet": features},
        reference,  # type: ignore[arg-type]
        {"screen": asked or ("base", "rival"), "confirm": ()},
        "base",
        declared,
    )
    return {(row.variant, row.metric): row for row in rows}


def test_values_are_those_of_the_functions() -> None:
    found = summarize(study(base=60, rival=80), settings())
    images, reference = normals(1, 80), normals(99, 200)
    kid = kid_score(images, reference, seed=3)
    frechet = frechet_score(images, reference, "alexnet", seed=3)
    manifold = manifold_scores(images, reference)
    assert {name: row.mean for (variant, name), row in found.items() if variant == "rival"} == {
        "kid_alexnet": kid.value,
        "kid_alexnet_subset_spread": None,
        "fd_alexnet": frechet.value,
        "fd_alexnet_split_half_null": frechet.split_half_null,
        "precision_alexnet": manifold.precision,
        "recall_alexnet": manifold.recall,
        "density_alexnet": manifold.density,
        "coverage_alexnet": manifold.coverage,
        "vendi_alexnet": vendi_score(images),
    }
    row = found["rival", "kid_alexnet"]
    assert (row.num_prompts, row.note) == (40, "80 images, 200 in the reference")
    assert found["rival", "vendi_alexnet"].note == "80 images"
    spread = found["rival", "kid_alexnet_subset_spread"]
    assert spread.note == "80 images, 200 in the reference: undefined at this size"


def test_small_sets_have_no_number_but_a_reason() -> None:
    found = summarize(study(base=60, rival=19), settings())
    values = {name: row for (variant, name), row in found.items() if variant == "rival"}
    assert {row.mean for row in values.values()} == {None}
    assert values["kid_alexnet"].note == "19 images, 32 needed"
    assert values["fd_alexnet"].note == "19 images, 20 needed"
    assert values["precision_alexnet"].note == "19 images, 50 needed"
    assert found["base", "kid_alexnet"].mean is not None


def test_they_have_one_where_it_is_asked_for_by_name() -> None:
    found = summarize(study(base=60, rival=19), settings(None, "fd_alexnet"))
    for name in ("fd_alexnet", "fd_alexnet_split_half_null"):
        assert found["rival", name].mean is not None
    assert found["rival", "kid_alexnet"].mean is None
    alone = summarize(study(base=60, rival=1), settings(None, "fd_alexnet", "recall_alexnet"))
    assert alone["rival", "fd_alexnet"].note == "1 images, 2 needed"
    assert alone["rival", "recall_alexnet"].note == "1 images, 6 needed"


def test_a_variant_without_images_is_a_row_too() -> None:
    found = summarize(study(base=60), settings(), "base", "gone")
    assert found["gone", "kid_alexnet"].note == "0 images, 32 needed"
    assert found["gone", "kid_alexnet"].num_prompts == 0


def test_one_set_without_a_number_does_not_end_the_study() -> None:
    features = study(base=60, rival=60)
    features.features[60] = 0
    found = summarize(features, settings())
    assert found["rival", "vendi_alexnet"].note == "features of image 0 are all 0"
    assert found["rival", "kid_alexnet"].mean is not None


def test_the_baseline_as_reference_has_no_distance_to_itself() -> None:
    features = study(base=60, rival=60)
    found = summarize(features, settings({"source": "baseline"}))
    base = found["base", "kid_alexnet"]
    assert (base.mean, base.note) == (None, "it is the reference")
    assert found["base", "vendi_alexnet"].mean is not None
    wanted = kid_score(normals(1, 60), normals(0, 60), seed=3).value
    assert found["rival", "kid_alexnet"].mean == wanted


def test_only_inception_has_fid_and_only_clip_has_cmmd() -> None:
    names = set_metrics(["alexnet", "vae", "inception", "clip"])
    assert "fid" in names and "fid_split_half_null" in names
    assert "fd_inception" not in names and "fd_vae" in names
    assert [name for name in names if name.startswith("cmmd")] == ["cmmd_clip"]


def test_fid_of_few_images_is_refused_by_its_own_number() -> None:
    declared = settings().model_copy(update={"backbones": ("inception",)})
    rows = summarize_sets(
        {"inception": study(base=60)},
        {"inception": normals(9, 3000)},
        {"screen": ("base",), "confirm": ()},
        "base",
        declared,
    )
    fid = next(row for row in rows if row.metric == "fid")
    assert (fid.mean, fid.note) == (None, "60 images, 2048 needed")


def test_results_hold_null_and_the_report_the_reason() -> None:
    found = summarize(study(base=60, rival=40), settings())
    results = study_results(list(found.values()), "base")
    assert results["rival"]["precision_alexnet"] is None
    assert results["base"]["precision_alexnet"] is not None
    variants = [Variant(name, None, name == "base") for name in ("base", "rival")]  # type: ignore[arg-type]
    text = set_tables(variants, list(found.values()), settings())
    head, _, base, rival = text.split("\n\n")[1].splitlines()
    assert "fd alexnet" in head and "fd alexnet split half null" in head
    assert "kid alexnet subset spread" not in head
    assert base.startswith("| **`base`** (baseline) | screen |")
    assert rival.count("\N{EN DASH}") == 4
    assert (
        "- no `precision_alexnet`, `recall_alexnet`, `density_alexnet`, `coverage_alexnet`: "
        "screen, 40 images, 50 needed"
    ) in text
