"""data/trials.parquet, models/<m>/ -> metrics/failures.json

Also reports/observations/failures.csv, reports/figures/failures/failures.png
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Measure which prompts fail, whether embeddings or their norms predict it, and what helps."""
    from zimage_eval.benchmarks.prompts.embedding_norms import scaled_pictures
    from zimage_eval.benchmarks.prompts.failure_detectors import (
        chance_row,
        detector_observations,
        detector_rows,
        detector_scores,
        failed_prompts,
    )
    from zimage_eval.benchmarks.prompts.failure_patterns import (
        failing_levels,
        failure_checks,
        pattern_observations,
        pattern_rows,
    )
    from zimage_eval.benchmarks.prompts.figures import draw_failures
    from zimage_eval.benchmarks.prompts.retries import draw_retries, plan_retries, retry_rows
    from zimage_eval.benchmarks.prompts.trial_tables import read_trials, write_unjudged
    from zimage_eval.benchmarks.shared.content_vectors import read_caption_norm
    from zimage_eval.benchmarks.shared.drawn_prompts import add_judge, encode_default, load_text
    from zimage_eval.config.benchmarks import Failures
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.output.store import open_store
    from zimage_eval.output.stored.store_contents import note_uses
    from zimage_eval.sampling.painter import open_painter

    project = Project.open()
    spec = project.spec
    plan = project.benchmark("failures", Failures)
    outputs = (
        Path("metrics/failures.json"),
        Path("reports/observations/failures.csv"),
        Path("reports/figures/failures/failures.png"),
    )
    if spec.judge == "none":
        write_unjudged("failures", *outputs)
        return
    folder = project.model_folder
    judged = read_trials(Path("data/trials.parquet"))
    norm = read_caption_norm(project.model_folder / "transformer")
    store = open_store(project.folder)
    with open_painter(folder, spec.dtype, spec.batch_size, store, spec.engine) as painter:
        text_side = load_text(folder, spec, painter.device)
        studio = add_judge(painter, spec, text_side)
        encoded = encode_default(
            text_side, [judged_trial.trial.text for judged_trial in judged], spec
        )
        few = slice(plan.num_scaled)
        norms, norm_measurements = scaled_pictures(
            encoded[few],
            [judged_trial.trial.facts for judged_trial in judged[few]],
            [judged_trial.trial.seeds[0] for judged_trial in judged[few]],
            plan.scales,
            norm,
            studio,
        )
        retry_measurements = draw_retries(
            plan_retries(judged, plan.num_retried, plan.seed), text_side, spec, studio
        )
    scores = detector_scores(judged, encoded, norm, plan)
    patterns = pattern_rows(judged)
    rows = {
        **patterns,
        **detector_rows(scores, failed_prompts(judged), plan.seed),
        "detector=shuffled": chance_row(judged, encoded, norm, plan),
        **norms,
        **retry_rows(retry_measurements),
    }
    rows["checks"] = failure_checks(rows)
    write_results(outputs[0], {"failures": rows})
    note_uses(outputs[0], [store])
    observations = [
        *pattern_observations(judged),
        *detector_observations(scores, judged),
        *norm_measurements,
        *retry_measurements,
    ]
    write_observations(outputs[1], observations)
    levels = {name: row for name, row in patterns.items() if "p_rarer_than_others" in row}
    save_figure(draw_failures(rows, failing_levels(levels)), outputs[2])


if __name__ == "__main__":
    run(main)
