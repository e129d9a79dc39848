"""The numbers of the round trip's page, from its observations."""

from collections.abc import Sequence

from zimage_eval.benchmarks.autoencoder.roundtrip import BASELINE, WHOLE, paired_changes
from zimage_eval.output.observations import Measurement, named
from zimage_eval.statistics.estimates import Estimate, estimate, prompt_means

NOT_AVAILABLE = "drop_in_decoder (not available)"
"""The row that is written if params.yaml names no other decoder."""
DIFFERENCES = ("psnr", "ssim", "lpips")


def roundtrip_results(
    observations: Sequence[Measurement], decoders: Sequence[str]
) -> dict[str, dict[str, float | None]]:
    """`<variant>/<kind>` -> metric -> mean over pictures, with its t interval if it has one.

    Rows of other ways than the baseline also hold paired differences to it, `<metric>_difference`.
    """
    results: dict[str, dict[str, float | None]] = {}
    cells = sorted({(row.variant, row.category) for row in observations})
    for variant, kind in cells:
        row: dict[str, float | None] = {}
        metrics = sorted(
            {
                observation.metric
                for observation in observations
                if (observation.variant, observation.category) == (variant, kind)
            }
        )
        for metric in metrics:
            row |= named(metric, kind_estimate(observations, variant, kind, metric))
        baseline = WHOLE if (WHOLE, kind) in cells and variant.startswith("tiled") else BASELINE
        if variant not in (WHOLE, BASELINE):
            for metric in DIFFERENCES:
                values = paired_changes(observations, variant, baseline, kind, metric)
                row |= named(f"{metric}_difference", estimate(values, None))
        units = {
            observation.unit
            for observation in observations
            if (observation.variant, observation.category) == (variant, kind)
        }
        results[f"{variant}/{kind}"] = {**row, "num_pictures": len(units)}
    if not decoders:
        results[NOT_AVAILABLE] = dict.fromkeys(DIFFERENCES)
    return results


def kind_estimate(
    observations: Sequence[Measurement], variant: str, kind: str, metric: str
) -> Estimate:
    """Mean over the pictures of a kind with its interval; replicates are averaged first."""
    scores = {
        (row.unit, row.replicate): row.value
        for row in observations
        if (row.variant, row.category, row.metric) == (variant, kind, metric)
    }
    return estimate(list(prompt_means(scores).values()), None)


def exact_checks(observations: Sequence[Measurement], one_tile_is_whole: bool) -> dict[str, float]:
    """Statements about all pictures: 1.0 if a statement holds for every picture, else 0.0."""

    def values(variant: str, metric: str) -> list[float]:
        return [
            row.value
            for row in observations
            if (row.variant, row.metric) == (variant, metric) and row.value is not None
        ]

    return {
        "tiling_leaves_a_picture_of_one_tile_as_it_is": float(one_tile_is_whole),
        "no_picture_comes_back_identical": float(
            len(values(BASELINE, "psnr")) == len(values(BASELINE, "ssim"))
        ),
        "a_sampled_latent_changes_every_picture": float(
            len(values("sample", "psnr_to_baseline")) == len(values("sample", "ssim"))
        ),
    }
