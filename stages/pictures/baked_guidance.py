"""calibration/guidance_arms/<m>.parquet -> which guidance scale was distilled into the model

metrics/baked_guidance.json, reports/observations/baked_guidance.csv,
reports/figures/baked_guidance/distance.png. The digest of models/<m>/transformer shows whether the
table was drawn with these weights.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Find the guidance scales under which the base may be nearest to the turbo."""
    from zimage_eval.benchmarks.guidance.arms import read_arms
    from zimage_eval.benchmarks.guidance.baked import (
        guidance_observations,
        guidance_results,
        measure_arms,
        why_not_available,
    )
    from zimage_eval.benchmarks.guidance.figure import draw_distances, draw_reason
    from zimage_eval.config.benchmarks import BakedGuidance
    from zimage_eval.model.folder import weights_digest
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results

    project = Project.open()
    entry = project.benchmark("baked_guidance", BakedGuidance)
    table = Path(f"calibration/guidance_arms/{project.model}.parquet")
    arms = read_arms(table) if table.is_file() else None
    digest = None
    if arms is not None:
        digest = weights_digest(project.model_folder, ("transformer",))
    reason = why_not_available(arms, project.model, digest)
    metrics = Path("metrics/baked_guidance.json")
    observations = Path("reports/observations/baked_guidance.csv")
    picture = Path("reports/figures/baked_guidance/distance.png")
    if arms is None or reason is not None:
        note = reason or ""
        write_results(metrics, {"baked_guidance": {"checks": {"pictures_are_of_these_weights": 0}}})
        write_observations(observations, [])
        save_figure(draw_reason(note), picture)
        print(f"{metrics}: {note}")
        return
    measured = measure_arms(arms, entry.num_groups)
    rows = guidance_results(arms, measured, entry.distance, entry.level)
    write_results(metrics, {"baked_guidance": rows})
    write_observations(observations, guidance_observations(arms, measured, entry.distance))
    save_figure(draw_distances(arms, measured, entry.distance, entry.level), picture)
    finding = measured.findings[entry.distance]
    print(f"{metrics}: nearest {finding.nearest}, may be {', '.join(finding.kept(entry.level))}")


if __name__ == "__main__":
    run(main)
