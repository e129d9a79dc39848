"""Estimate the guidance scale that was distilled into a turbo model.

It is the scale under which the base draws most like the turbo. If the turbo learned nothing else
since (no reward, no other pictures), this is the scale of its teacher; otherwise it is an effective
scale.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimage_eval.benchmarks.guidance.arms import LOOKS, SHARES, TURBO, TURBO_AGAIN, GuidanceArms
from zimage_eval.benchmarks.guidance.distances import (
    Floats,
    distances_given_prompt,
    distances_over_prompts,
    gap_matrix,
    grouped_pseudo_values,
    linear_kernel,
    polynomial_kernel,
)
from zimage_eval.config.benchmarks import DistanceName
from zimage_eval.metrics.sets.frechet import frechet_distance
from zimage_eval.output.observations import Measurement, named
from zimage_eval.statistics.argmax_sets import argmax_p_values
from zimage_eval.statistics.estimates import estimate

NUM_DRAWS: Final = 4_999
USUAL_SCALES: Final = (2.0, 6.0)
"""The range of commonly recommended scales. It is 3 to 7 if 1 means off; here 0 means off."""

UnitDistances = Mapping[DistanceName, Floats]
"""Values whose mean is the distance: one per prompt, or one per group of prompts (Fréchet)."""


class GuidanceEstimate(NamedTuple):
    """Which guidance scales may be the nearest to the turbo, by one distance."""

    nearest: str
    """Arm with the smallest mean distance."""
    p_values: Mapping[str, float] | None
    """By arm, p-value against "this arm is the nearest"; None if no test is possible."""

    def kept(self, level: float) -> list[str]:
        """The arms in the confidence set of level `1 - level`."""
        return [arm for arm, p_value in (self.p_values or {}).items() if p_value > level]


class GuidanceMeasurements(NamedTuple):
    """All measurements on the arms."""

    distances: Mapping[str, UnitDistances]
    """Arm -> distances to the turbo; those of the turbo from other noise are the floor."""
    findings: Mapping[DistanceName, GuidanceEstimate]


def measure_arms(arms: GuidanceArms, num_groups: int) -> GuidanceMeasurements:
    """Measure all distances of all arms to the turbo, and which scales may be the nearest.

    Args:
        arms: pictures of a turbo and its base.
        num_groups: groups of prompts for the interval of a Fréchet distance.
    """
    compared = [TURBO_AGAIN, *arms.scales]
    distances = {arm: _distances(arms, arm, num_groups) for arm in compared}
    findings = {}
    for name in distances[TURBO_AGAIN]:
        gains = {arm: list(-distances[arm][name]) for arm in arms.scales}
        nearest = min(arms.scales, key=lambda arm: float(distances[arm][name].mean()))
        findings[name] = GuidanceEstimate(nearest, argmax_p_values(gains, None, NUM_DRAWS))
    return GuidanceMeasurements(distances, findings)


def _distances(arms: GuidanceArms, arm: str, num_groups: int) -> dict[DistanceName, Floats]:
    pairs = {space: (vectors[arm], vectors[TURBO]) for space, vectors in arms.vectors.items()}
    kernels = {"alexnet": polynomial_kernel, "vae": polynomial_kernel, "shown": linear_kernel}
    gaps = {space: gap_matrix(*pair, kernels[space]) for space, pair in pairs.items()}
    return {
        "kid_given_prompt_alexnet": distances_given_prompt(gaps["alexnet"]),
        "kid_given_prompt_vae": distances_given_prompt(gaps["vae"]),
        "kid_alexnet": distances_over_prompts(gaps["alexnet"]),
        "kid_vae": distances_over_prompts(gaps["vae"]),
        "fd_alexnet": grouped_pseudo_values(frechet_distance, *pairs["alexnet"], num_groups),
        "fd_vae": grouped_pseudo_values(frechet_distance, *pairs["vae"], num_groups),
        "frequencies_given_prompt": distances_given_prompt(gaps["shown"]),
        "frequencies": distances_over_prompts(gaps["shown"]),
    }


def guidance_results(
    arms: GuidanceArms, measured: GuidanceMeasurements, primary: DistanceName, level: float
) -> dict[str, dict[str, float | None]]:
    """A row per arm, a row `nearest_by_<distance>` per distance, and `checks`.

    Args:
        arms: the pictures that were measured.
        measured: the measurements on them.
        primary: the distance whose confidence set is the answer.
        level: chance that a confidence set lacks the nearest scale.
    """
    rows: dict[str, dict[str, float | None]] = {}
    for arm in (TURBO, TURBO_AGAIN, *arms.scales):
        rows[arm] = {"guidance_scale": arms.scales.get(arm)}
        for name in (*SHARES, *LOOKS):
            bounds = (0.0, 1.0) if name in SHARES else None
            means = _prompt_means(arms.shares[name][arm])
            rows[arm] |= named(name, estimate(means[~np.isnan(means)].tolist(), bounds))
        for distance, values in measured.distances.get(arm, {}).items():
            rows[arm] |= named(distance, estimate(values.tolist(), None))
    for distance, finding in measured.findings.items():
        scales = [arms.scales[arm] for arm in finding.kept(level)]
        rows[f"nearest_by_{distance}"] = {
            "nearest": arms.scales[finding.nearest],
            "lowest": min(scales, default=None),
            "highest": max(scales, default=None),
            "num_scales": len(scales),
        }
        for arm, p_value in (finding.p_values or {}).items():
            rows[arm][f"{distance}_p"] = p_value
    rows["checks"] = _checks(arms, measured, primary, level)
    return rows


def _checks(
    arms: GuidanceArms, measured: GuidanceMeasurements, primary: DistanceName, level: float
) -> dict[str, float | None]:
    finding = measured.findings[primary]
    scales = {arms.scales[arm] for arm in finding.kept(level)}
    nearest = estimate(measured.distances[finding.nearest][primary].tolist(), None)
    floor = estimate(measured.distances[TURBO_AGAIN][primary].tolist(), None)
    low, high = USUAL_SCALES
    return {
        "pictures_are_of_these_weights": 1,
        "set_excludes_half_of_the_scales": int(0 < len(scales) <= len(arms.scales) / 2),
        "set_has_a_scale_called_3_to_7": int(any(low <= scale <= high for scale in scales)),
        "nearest_is_farther_than_the_turbo_from_itself": int(
            None not in (nearest.low, floor.high) and (nearest.low or 0) > (floor.high or 0)
        ),
    }


def guidance_observations(
    arms: GuidanceArms, measured: GuidanceMeasurements, primary: DistanceName
) -> list[Measurement]:
    """Alignment and primary distance of each prompt and arm."""
    measurements = []
    for arm in (TURBO, TURBO_AGAIN, *arms.scales):
        columns = {"alignment": _prompt_means(arms.shares["alignment"][arm])}
        values = measured.distances.get(arm, {}).get(primary)
        if values is not None and len(values) == len(arms.prompt_ids):
            columns[primary] = values
        for metric, by_prompt in columns.items():
            for prompt_id, category, value in zip(
                arms.prompt_ids, arms.categories, by_prompt.tolist(), strict=True
            ):
                measurements.append(
                    Measurement(
                        variant=arm,
                        unit=prompt_id,
                        replicate=0,
                        category=category,
                        metric=metric,
                        value=value,
                    )
                )
    return measurements


def why_not_available(arms: GuidanceArms | None, model: str, digest: str | None) -> str | None:
    """The reason why a model has no answer, in words; None if it has one.

    Args:
        arms: the kept pictures of this model; None if there are none.
        model: name of the model.
        digest: digest of the transformer that is there now; None if it was not read.
    """
    if arms is None:
        return (
            f"not available: no pictures of {model} and its base at several guidance scales are "
            "kept (calibration.study.draw_guidance_arms makes them of a family trained here)"
        )
    if arms.weights[TURBO] != digest:
        return f"not available: the pictures that are kept of {model} are of other weights"
    return None


def _prompt_means(values: NDArray[np.float64]) -> Floats:
    """Mean over noises, per prompt; NaN if the prompt states no such fact."""
    means: Floats = values.mean(axis=1)
    return means
