"""scores, features, prompts, images of a study -> its numbers, table and figures

data/studies/<study>.json, data/scores/<study>.parquet, data/features/<study>/, data/reference/,
data/prompts/<role>/screen.parquet, data/images/<study>/
-> metrics/<study>.json, reports/tables/<study>.csv,
reports/figures/<study>/{grid,effect,heatmap,pareto}.png
"""

from pathlib import Path

from stages import run


def main(study: str) -> None:
    """Average a study's scores over prompts, compare variants with the baseline, draw figures."""
    from zimage_eval.config.metrics import available_metrics
    from zimage_eval.config.params import PHASES
    from zimage_eval.config.variants import phase_variants
    from zimage_eval.metrics.signatures import check_same_networks, read_signatures
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.image_grids import save_png
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.output.tables import (
        IMAGES,
        SWAPPED_PROMPTS,
        read_table,
        scores_schema,
    )
    from zimage_eval.studies.cost_figure import draw_study_costs
    from zimage_eval.studies.figures import (
        draw_study_categories,
        draw_study_effect,
        draw_study_grid,
        main_metric,
    )
    from zimage_eval.studies.pareto import front_results, study_front
    from zimage_eval.studies.results import study_results
    from zimage_eval.studies.set_summaries import read_sets, summarize_sets
    from zimage_eval.studies.summaries import (
        note_small_pictures,
        summarize_chance,
        summarize_scores,
        write_summaries,
    )

    entry = Project.open().study(study)
    project = Project.open(model=entry.model)
    spec = project.spec
    variants = entry.variants
    baseline = entry.baseline
    schema = scores_schema(available_metrics(spec.networks))
    table = read_table(Path(f"data/scores/{study}.parquet"), schema).to_pandas()
    scores = table[table["variant"] != SWAPPED_PROMPTS]
    prompts = project.prompt_rows(entry.prompts, "screen")
    folder = Path(f"data/images/{study}")
    images = read_table(folder / "images.parquet", IMAGES).to_pandas()

    variants_of = {
        phase: [variant.name for variant in phase_variants(variants, phase, entry.confirm)]
        for phase in PHASES
    }
    features_folder, reference = Path(f"data/features/{study}"), Path("data/reference")
    check_same_networks(
        read_signatures(features_folder / "signatures.json"),
        read_signatures(reference / "signatures.json"),
    )
    features, references = read_sets(features_folder, reference, spec.distribution)
    summaries = summarize_scores(scores, [variant.name for variant in variants], baseline)
    summaries = note_small_pictures(summaries, variants)
    summaries += summarize_sets(features, references, variants_of, baseline, spec.distribution)
    front = study_front(scores, [v.name for v in variants], main_metric(summaries))
    results = study_results(summaries, baseline)
    for name, place in front_results(front).items():
        results[name] |= place
    chance = summarize_chance(table, baseline)
    results |= study_results(chance, baseline)
    write_results(Path(f"metrics/{study}.json"), {study: results})
    write_summaries(Path(f"reports/tables/{study}.csv"), [*summaries, *chance])
    grid = draw_study_grid(variants, entry.confirm, prompts, images, scores, folder)
    save_png(grid, Path(f"reports/figures/{study}/grid.png"))
    effect = draw_study_effect(entry, summaries)
    save_figure(effect, Path(f"reports/figures/{study}/effect.png"))
    heatmap = draw_study_categories(variants, summaries)
    save_figure(heatmap, Path(f"reports/figures/{study}/heatmap.png"))
    costs = draw_study_costs(variants, summaries, front)
    save_figure(costs, Path(f"reports/figures/{study}/pareto.png"))


if __name__ == "__main__":
    run(main)
