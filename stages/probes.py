"""data/prompts/, models/<m>/ -> data/probes.parquet

What `prompt_quality` and `failures` read: prompts with several seeds each, and which facts held.
"""

import os
from pathlib import Path

from stages import run


def main() -> None:
    """Draw and judge the studies' prompts and, of scenes, made ones."""
    from zimage_eval.benchmark_params import need
    from zimage_eval.devices import pick_device, start_workers
    from zimage_eval.drawn_prompts import encode_default, find_artist, load_text
    from zimage_eval.image_store import ImageStore, find_store_root
    from zimage_eval.params import PHASES, load_model_spec, load_params
    from zimage_eval.probe_tables import judge_probes, write_probes
    from zimage_eval.probes import scene_probes, study_probes
    from zimage_eval.tables import PROMPTS, read_table

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    plan = need(params.benchmarks.probes, "probes")
    folder, device = Path(f"models/{params.model}"), pick_device()
    rows = [
        row
        for phase in PHASES
        for row in read_table(Path(f"data/prompts/{phase}.parquet"), PROMPTS).to_pylist()
    ]
    probes = study_probes(rows, plan.num_seeds)
    if spec.prompt_set == "scenes":
        probes += scene_probes(plan)
    store = ImageStore(find_store_root(os.environ.get("ZIMAGE_EVAL_STORE")))
    with start_workers(device) as workers:
        artist = find_artist(folder, spec, device, workers, store)
        side = load_text(folder, spec, device)
        encoded = encode_default(side, [probe.text for probe in probes], spec)
        judged = judge_probes(probes, encoded, artist)
    write_probes(Path("data/probes.parquet"), judged)
    num_images = sum(len(probe.seeds) for probe in probes)
    print(
        f"data/probes.parquet: {len(judged)} of {len(probes)} prompts judged, {num_images} images"
    )


if __name__ == "__main__":
    run(main)
