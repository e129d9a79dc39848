"""facts and pictures of the concept probe -> pairs that are never drawn, and defaults

data/facts/<study>.parquet, data/images/<study>/, data/prompts/<role>/{screen,confirm}.parquet
-> metrics/probe_concepts.json, reports/tables/probe_concepts.csv,
reports/figures/probe_concepts/grid.png
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Find the pairs of concepts that are never drawn, and the values that are drawn by default."""
    from zimage_eval.benchmarks.concepts.defaults import (
        SCENE_VALUES,
        find_defaults,
        unstated_in_scene,
    )
    from zimage_eval.benchmarks.concepts.gaps import find_gaps
    from zimage_eval.benchmarks.concepts.probe import (
        draw_concept_grid,
        outcomes_by_cell,
        probe_results,
        write_gaps,
    )
    from zimage_eval.config.benchmarks import ProbeConcepts
    from zimage_eval.metrics.judges.judges import load_image
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.output.tables import IMAGES, facts_schema, read_table
    from zimage_eval.prompts.facts import Facts

    project = Project.open()
    spec = project.spec
    entry = project.benchmark("probe_concepts", ProbeConcepts)
    level = entry.level
    facts: dict[tuple[str, str], Facts] = {
        (phase, row["prompt_id"]): Facts.model_validate_json(row["facts"])
        for phase, rows in project.prompts("concepts").rows.items()
        for row in rows
    }
    schema = facts_schema(spec.judge)
    judged = read_table(Path("data/facts/concept_probe.parquet"), schema).to_pandas()
    gaps = find_gaps(outcomes_by_cell(judged, facts))
    # Only the judge of scenes detects attributes that the prompt leaves open.
    unsaid_values = []
    if spec.judge == "scenes":
        folder = Path("data/images/concept_probe")
        images = read_table(folder / "images.parquet", IMAGES).to_pandas()
        for row in images.dropna(subset="file").itertuples():
            pixels = load_image(folder / row.file).pixels
            unsaid_values.append(unstated_in_scene(pixels, facts[row.phase, row.prompt_id]))
    defaults = find_defaults(unsaid_values, SCENE_VALUES, entry.margin)

    results = {"probe_concepts": probe_results(gaps, defaults, level)}
    write_results(Path("metrics/probe_concepts.json"), results)
    write_gaps(Path("reports/tables/probe_concepts.csv"), gaps, level)
    save_figure(draw_concept_grid(gaps, level), Path("reports/figures/probe_concepts/grid.png"))


if __name__ == "__main__":
    run(main)
