"""scores of every study, the baseline drawn again -> distances between noise floor and ceiling

data/studies/, data/prompts/main/screen.parquet, data/{wordings,embeddings}/baseline.parquet,
data/scores/, models/<model>/, models/lpips-alexnet/
-> metrics/noise_scales.json, reports/observations/noise_scales.csv,
reports/tables/noise_scales.csv, reports/figures/noise_scales/lpips.png
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Draw the baseline in another batch, number format and seed, and place every variant."""
    from zimage_eval.benchmarks.noise.arms import BASELINE, CEILING, FLOOR, noise_arms
    from zimage_eval.benchmarks.noise.placements import (
        arm_distances,
        arm_results,
        draw_placements,
        floors_and_ceilings,
        place_arms,
        placement_results,
        study_arms,
        write_placements,
    )
    from zimage_eval.benchmarks.noise.stored_distances import BaselineInputs, stored_distances
    from zimage_eval.config.benchmarks import NoiseScales
    from zimage_eval.metrics.catalogue import metrics_with
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.output.store import RESULTS, open_kind, open_store
    from zimage_eval.output.stored.store_contents import note_uses
    from zimage_eval.output.tables import SWAPPED_PROMPTS, read_table, scores_schema

    project = Project.open()
    spec = project.spec
    entry = project.benchmark("noise_scales", NoiseScales)
    arms, metrics = noise_arms(entry, spec), metrics_with(spec.networks)
    inputs = BaselineInputs(
        project.model_folder,
        project.lpips_folder,
        project.prompt_rows("main", "screen"),
        Path("data/wordings/baseline.parquet"),
        Path("data/embeddings/baseline.parquet"),
    )
    results_store, image_store = open_kind(project.folder, RESULTS), open_store(project.folder)
    observations = stored_distances(spec, inputs, arms, results_store, image_store)

    scales = floors_and_ceilings(observations, FLOOR, CEILING)
    formats = {arm.name for arm in arms} - {BASELINE, FLOOR, CEILING}
    format_distances = {name: arm_distances(observations, name) for name in formats}
    placed = place_arms("", format_distances, scales, entry)
    schema = scores_schema(metrics)
    for key, study in project.studies.items():
        if study.prompts != "main":
            continue  # the scales are measured on the prompts `main` only
        variants = study.variants
        name = next(variant.name for variant in variants if variant.is_baseline)
        scores = read_table(Path(f"data/scores/{key}.parquet"), schema).to_pandas()
        placed += place_arms(key, study_arms(scores, name, SWAPPED_PROMPTS), scales, entry)

    results = placement_results(placed)
    for name, numbers in arm_results(observations).items():
        results[name] = {**results.get(name, {}), **numbers}
    write_results(Path("metrics/noise_scales.json"), {"noise_scales": results})
    note_uses(Path("metrics/noise_scales.json"), [results_store, image_store])
    write_observations(Path("reports/observations/noise_scales.csv"), observations)
    write_placements(Path("reports/tables/noise_scales.csv"), placed)
    figure = draw_placements(placed, "lpips", baseline_arms="the baseline")
    save_figure(figure, Path("reports/figures/noise_scales/lpips.png"))


if __name__ == "__main__":
    run(main)
