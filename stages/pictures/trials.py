"""data/prompts/, models/<m>/ -> data/trials.parquet

What `prompt_quality` and `failures` read: prompts with several seeds each, and which facts held.
"""

import os
from pathlib import Path

from stages import run


def main() -> None:
    """Draw and judge the studies' prompts and, of scenes, made ones."""
    from zimage_eval.benchmarks.prompts.trial_tables import judge_trials, write_trials
    from zimage_eval.benchmarks.prompts.trials import scene_trials, study_trials
    from zimage_eval.benchmarks.shared.drawn_prompts import encode_default, load_painter, load_text
    from zimage_eval.config.benchmarks import need
    from zimage_eval.config.model_spec import load_model_spec
    from zimage_eval.config.params import PHASES, load_params
    from zimage_eval.model.devices import pick_device, start_workers
    from zimage_eval.output.store import ImageStore, find_store_root
    from zimage_eval.output.tables import PROMPTS, read_table

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    plan = need(params.benchmarks.trials, "trials")
    folder, device = Path(f"models/{params.model}"), pick_device()
    rows = [
        row
        for phase in PHASES
        for row in read_table(Path(f"data/prompts/main/{phase}.parquet"), PROMPTS).to_pylist()
    ]
    trials = study_trials(rows, plan.num_seeds)
    if spec.prompt_sets["main"] == "scenes":
        trials += scene_trials(plan)
    if spec.judge == "none":
        write_trials(Path("data/trials.parquet"), [])
        print("nobody judges the pictures of this model")
        return
    store = ImageStore(find_store_root(os.environ.get("ZIMAGE_EVAL_STORE")))
    with start_workers(device) as workers:
        side = load_text(folder, spec, device)
        artist = load_painter(folder, spec, device, workers, store, side)
        encoded = encode_default(side, [trial.text for trial in trials], spec)
        judged = judge_trials(trials, encoded, artist)
    write_trials(Path("data/trials.parquet"), judged)
    num_images = sum(len(trial.seeds) for trial in trials)
    print(
        f"data/trials.parquet: {len(judged)} of {len(trials)} prompts judged, {num_images} images"
    )


if __name__ == "__main__":
    run(main)
