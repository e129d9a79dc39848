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
    import torch

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
    from zimage_eval.benchmarks.noise.redrawn import (
        BASELINE,
        CEILING,
        FLOOR,
        SharedInputs,
        distances,
        draw_arm,
        noise_arms,
    )
    from zimage_eval.config.benchmarks import NoiseScales
    from zimage_eval.config.variants import Variant
    from zimage_eval.metrics.catalogue import load_metric_networks, metrics_with
    from zimage_eval.model.devices import pick_device
    from zimage_eval.model.folder import IMAGE_PARTS, check_model
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.output.store import open_store
    from zimage_eval.output.tables import SWAPPED_PROMPTS, read_table, scores_schema
    from zimage_eval.sampling.painter import open_painter
    from zimage_eval.text.embeddings import read_embeddings
    from zimage_eval.text.wordings import read_wordings

    torch.set_num_threads(1)  # so that last bits don't depend on the number of cores
    project = Project.open()
    spec = project.spec
    entry = project.benchmark("noise_scales", NoiseScales)
    arms, folder = noise_arms(entry, spec), project.model_folder
    baseline = Variant(BASELINE, spec.defaults, is_baseline=True)
    prompts = project.prompt_rows("main", "screen")
    drawing = SharedInputs(
        baseline,
        prompts,
        read_wordings(Path("data/wordings/baseline.parquet")),
        read_embeddings(Path("data/embeddings/baseline.parquet")),
        check_model(folder, IMAGE_PARTS, [baseline]),
    )
    device, store = pick_device(), open_store(project.folder)
    metrics = metrics_with(spec.networks)
    networks = load_metric_networks(metrics, project.lpips_folder, spec.networks, device)
    categories = {prompt["prompt_id"]: prompt["category"] for prompt in prompts}

    observations = []
    for arm in arms:
        with open_painter(folder, arm.dtype, arm.batch_size, store) as painter:
            pictures = draw_arm(arm, drawing, painter)
        if arm.name == BASELINE:
            reference = pictures
        else:
            observations += distances(arm.name, pictures, reference, categories, metrics, networks)

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
        rows = read_table(Path(f"data/scores/{key}.parquet"), schema).to_pylist()
        placed += place_arms(key, study_arms(rows, name, SWAPPED_PROMPTS), scales, entry)

    results = placement_results(placed)
    for name, numbers in arm_results(observations).items():
        results[name] = {**results.get(name, {}), **numbers}
    write_results(Path("metrics/noise_scales.json"), {"noise_scales": results})
    write_observations(Path("reports/observations/noise_scales.csv"), observations)
    write_placements(Path("reports/tables/noise_scales.csv"), placed)
    figure = draw_placements(placed, "lpips", baseline_arms="the baseline")
    save_figure(figure, Path("reports/figures/noise_scales/lpips.png"))


if __name__ == "__main__":
    run(main)
