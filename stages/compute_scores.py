"""prompts, embeddings, images of a study -> a row of scores per image, a row per judged fact

data/studies/<study>.json, data/prompts/<role>/, data/{wordings,embeddings}/<study>.parquet,
data/images/<study>/, models/lpips-alexnet/
-> data/scores/<study>.parquet, data/facts/<study>.parquet
"""

from pathlib import Path
from typing import Any

from stages import run


def main(study: str) -> None:
    """Judge and measure every image of a study."""
    import pyarrow as pa
    import torch
    from tqdm import tqdm

    from zimage_eval.metrics.catalogue import load_metric_networks, metrics_with
    from zimage_eval.metrics.embedding import EmbeddingScores
    from zimage_eval.metrics.judges.judges import load_judge
    from zimage_eval.metrics.scores import StudyImages, group_rows, read_encodings, score_images
    from zimage_eval.model.devices import pick_device
    from zimage_eval.model.environment import write_environment
    from zimage_eval.output.progress import progress_interval
    from zimage_eval.output.project import Project
    from zimage_eval.output.tables import (
        FACTS,
        IMAGES,
        read_table,
        scores_schema,
        write_table,
    )
    from zimage_eval.text.wordings import read_wordings

    # More threads gain nothing on small pictures, and on shared cores they wait for seconds.
    torch.set_num_threads(1)
    entry = Project.open().study(study)
    project = Project.open(model=entry.model)
    spec = project.spec
    variants = entry.variants
    folder = Path(f"data/images/{study}")
    rows = read_table(folder / "images.parquet", IMAGES).to_pylist()
    prompts: dict[tuple[str, str], dict[str, Any]] = {
        (phase, row["prompt_id"]): row
        for phase, phase_rows in project.prompts(entry.prompts).rows.items()
        for row in phase_rows
    }
    device, metrics = pick_device(), metrics_with(spec.networks)
    images = StudyImages(
        folder=folder,
        prompts=prompts,
        variants={variant.name: variant for variant in variants},
        embeddings=EmbeddingScores(
            read_encodings(Path(f"data/embeddings/{study}.parquet")), metrics
        ),
        judge=load_judge(spec, device),
        metrics=metrics,
        networks=load_metric_networks(metrics, project.lpips_folder, spec.networks, device),
        wordings=read_wordings(Path(f"data/wordings/{study}.parquet")),
    )

    interval = progress_interval()
    groups = tqdm(group_rows(rows), desc=f"score {study}", unit="prompt", mininterval=interval)
    scored = score_images(groups, images)

    schema = scores_schema(metrics)
    table = pa.Table.from_pylist(scored.scores, schema=schema.columns)
    write_table(Path(f"data/scores/{study}.parquet"), schema, table)
    judged = pa.Table.from_pylist(scored.facts, schema=FACTS.columns)
    write_table(Path(f"data/facts/{study}.parquet"), FACTS, judged)
    write_environment(Path(f"data/environment/compute_scores/{study}.json"))


if __name__ == "__main__":
    run(main)
