"""data/prompts/, models/<m>/ -> data/trials.parquet

`prompt_quality` and `failures` read this table: prompts with several seeds each, and their judged
facts.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Draw and judge the studies' prompts and, for scenes, also generated captions."""
    from zimage_eval.benchmarks.prompts.trial_tables import judge_trials, write_trials
    from zimage_eval.benchmarks.prompts.trials import scene_trials, study_trials
    from zimage_eval.benchmarks.shared.drawn_prompts import add_judge, encode_default, load_text
    from zimage_eval.config.benchmarks import Trials
    from zimage_eval.output.project import Project
    from zimage_eval.output.store import open_store
    from zimage_eval.output.stored.store_contents import note_uses
    from zimage_eval.sampling.painter import open_painter

    project = Project.open()
    spec = project.spec
    plan = project.benchmark("trials", Trials)
    folder = project.model_folder
    rows = [row for phase_rows in project.prompts("main").rows.values() for row in phase_rows]
    trials = study_trials(rows, plan.num_seeds)
    if spec.prompt_sets["main"] == "scenes":
        trials += scene_trials(plan)
    if spec.judge == "none":
        write_trials(Path("data/trials.parquet"), [])
        print("nobody judges the pictures of this model")
        return
    store = open_store(project.folder)
    with open_painter(folder, spec.dtype, spec.batch_size, store, spec.engine) as painter:
        text_side = load_text(folder, spec, painter.device)
        studio = add_judge(painter, spec, text_side)
        encoded = encode_default(text_side, [trial.text for trial in trials], spec)
        judged = judge_trials(trials, encoded, studio)
    write_trials(Path("data/trials.parquet"), judged)
    note_uses(Path("data/trials.parquet"), [store])
    num_images = sum(len(trial.seeds) for trial in trials)
    print(
        f"data/trials.parquet: {len(judged)} of {len(trials)} prompts judged, {num_images} images"
    )


if __name__ == "__main__":
    run(main)
