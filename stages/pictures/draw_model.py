"""prompts/, models/<model>/ -> data/comparison/<model>/: its pictures, their scores and features

Writes images.parquet and the pictures, scores.parquet, facts.parquet, features/ and model.json.
Images of the Z-Image family are taken from the image store if it holds them. The judge and the
backbones are named in models/<m>.yaml of the model under study; models/<m>/vae/ and
models/lpips-alexnet/ are two of the backbones. A model without weights gets a model.json that says
so.
"""

import shutil
from pathlib import Path

from stages import run


def main(model: str) -> None:
    """Draw all prompts of the comparison with one model, and measure the pictures."""
    import pyarrow as pa
    import torch
    from tqdm import tqdm

    from zimage_eval.benchmarks.comparison.drawing import compared_requests, draw_other, draw_zimage
    from zimage_eval.benchmarks.comparison.models import load_compared_model
    from zimage_eval.benchmarks.comparison.pipelines import unavailable
    from zimage_eval.benchmarks.comparison.prompts import comparison_prompts, read_prompts
    from zimage_eval.benchmarks.comparison.record import model_record, write_record
    from zimage_eval.benchmarks.comparison.scores import score_pictures, unpaired, write_features
    from zimage_eval.config.model_spec import ModelSpec
    from zimage_eval.metrics.catalogue import load_metric_networks, metrics_with
    from zimage_eval.metrics.judges.judges import load_judge
    from zimage_eval.model.devices import pick_device
    from zimage_eval.output.progress import progress_interval
    from zimage_eval.output.project import Project
    from zimage_eval.output.store import open_store
    from zimage_eval.output.stored.store_contents import note_uses
    from zimage_eval.output.tables import IMAGES, facts_schema, scores_schema, write_table

    project = Project.open()
    spec = project.spec
    entry = project.comparison
    compared, folder = load_compared_model(Path(f"models/{model}.yaml")), Path(f"models/{model}")
    compared_prompts = comparison_prompts(*read_prompts(Path("prompts"), entry, spec.judge), entry)
    prompts = {prompt.prompt_id: prompt for prompt in compared_prompts}
    requests = compared_requests(model, compared_prompts)
    out = Path(f"data/comparison/{model}")
    shutil.rmtree(out, ignore_errors=True)
    device = pick_device()
    reason = unavailable(folder, compared, device)
    write_record(out / "model.json", model_record(folder, compared, reason))
    if reason is not None:
        print(f"{out}: not available: {reason}")
        return

    store = open_store(project.folder)
    if isinstance(compared, ModelSpec):
        rows = draw_zimage(folder, compared, requests, prompts, store, out)
    else:
        rows = draw_other(folder, compared, requests, prompts, out, device)
    write_table(out / "images.parquet", IMAGES, pa.Table.from_pylist(rows, schema=IMAGES.columns))

    torch.set_num_threads(1)  # so that last bits don't depend on the number of cores
    metrics = unpaired(metrics_with(spec.networks))
    networks = load_metric_networks(metrics, project.lpips_folder, spec.networks, device)
    bar = tqdm(rows, desc=f"score {model}", unit="image", mininterval=progress_interval())
    scored = score_pictures(bar, prompts, out, load_judge(spec, device), metrics, networks)
    schema = scores_schema(metrics)
    table = pa.Table.from_pylist(scored.scores, schema=schema.columns)
    write_table(out / "scores.parquet", schema, table)
    schema = facts_schema(spec.judge)
    judged = pa.Table.from_pylist(scored.facts, schema=schema.columns)
    write_table(out / "facts.parquet", schema, judged)
    write_features(rows, prompts, out, spec, project.shipped_backbones)
    note_uses(out, [store])
    errors = [row["error"] for row in rows if row["error"]]
    print(f"{out}: {len(rows)} images, {len(errors)} failed or not available")


if __name__ == "__main__":
    run(main)
