"""data/prompts/, models/<m>/ -> data/trials.parquet

`prompt_quality` and `failures` read this table: prompts with several seeds each, and their judged
facts.
"""

import os
from pathlib import Path

from stages import run


def main() -> None:
    """Draw and judge the studies' prompts and, for scenes, also generated captions."""
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
        text_side = load_text(folder, spec, device)
        painter = load_painter(folder, spec, device, workers, store, text_side)
        encoded = encode_default(text_side, [trial.text for trial in trials], spec)
        judged = judge_trials(trials, encoded, painter)
    write_trials(Path("data/trials.parquet"), judged)
    num_images = sum(len(trial.seeds) for trial in trials)
    print(
        f"data/trials.parquet: {len(judged)} of {len(trials)} prompts judged, {num_images} images"
    )


if __name__ == "__main__":
    run(main)
