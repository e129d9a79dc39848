"""data/comparison/, data/reference/, prompts/ -> the compared models in numbers and pictures

Writes metrics/comparison.json, reports/observations/comparison.csv, reports/tables/comparison.csv
and reports/figures/comparison/. A model without weights is a row that is not available.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Compare every two of the models that have pictures."""
    from zimage_eval.benchmarks.comparison.compare import (
        compare_models,
        middle_of_each,
        write_comparison,
    )
    from zimage_eval.benchmarks.comparison.figures import distance_dots, example_grid, share_dots
    from zimage_eval.benchmarks.comparison.prompts import comparison_prompts, read_prompts
    from zimage_eval.benchmarks.comparison.record import ModelPictures, read_drawn
    from zimage_eval.benchmarks.comparison.scores import unpaired
    from zimage_eval.config.metrics import available_metrics
    from zimage_eval.metrics.sets.features import read_reference
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.image_grids import save_png
    from zimage_eval.output.observations import write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results

    project = Project.open()
    spec = project.spec
    entry, settings = project.comparison, spec.distribution
    prompts = comparison_prompts(*read_prompts(Path("prompts"), entry), entry)
    metrics = unpaired(available_metrics(spec.networks))
    models = {
        name: read_drawn(Path("data/comparison") / name, metrics, settings.backbones, spec.judge)
        for name in entry.models
    }
    references = {}
    if settings.reference.source != "baseline":
        references = {
            name: read_reference(Path("data/reference") / f"{name}.parquet")
            for name in settings.backbones
        }
    comparison = compare_models(models, {p.prompt_id: p for p in prompts}, references, settings)

    write_results(Path("metrics/comparison.json"), {"comparison": comparison.rows})
    write_observations(Path("reports/observations/comparison.csv"), comparison.observations)
    write_comparison(Path("reports/tables/comparison.csv"), comparison.rows, comparison.notes)
    drawn = {
        name: pictures for name, pictures in models.items() if isinstance(pictures, ModelPictures)
    }
    for (row, metric), note in comparison.notes.items():
        print(f"{row} {metric}: {note}".replace(" :", ":"))
    if not drawn:
        raise ValueError(f"comparison.models: none of {', '.join(models)} is available")
    figures = Path("reports/figures/comparison")
    save_figure(share_dots(comparison.rows, list(drawn)), figures / "capabilities.png")
    save_figure(distance_dots(comparison.rows, list(drawn)), figures / "distances.png")
    folders = {name: pictures.folder for name, pictures in drawn.items()}
    titles = {name: pictures.record.title for name, pictures in drawn.items()}
    save_png(example_grid(middle_of_each(prompts), folders, titles), figures / "pictures.png")
    print(f"metrics/comparison.json: {len(drawn)} of {len(models)} models")


if __name__ == "__main__":
    run(main)
