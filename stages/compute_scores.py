"""prompts, embeddings, images of a study -> a row of scores per image, a row per judged fact

data/studies/<study>.json, data/prompts/<role>/, data/{wordings,embeddings}/<study>.parquet,
data/images/<study>/, models/lpips-alexnet/
-> data/scores/<study>.parquet, data/facts/<study>.parquet
"""

import sys
from pathlib import Path
from typing import Any

from stages import run


def main(study: str) -> None:
    """Judge and measure every image of a study."""
    import pyarrow as pa
    import torch
    from tqdm import tqdm

    from zimage_eval.config.model_spec import load_model_spec
    from zimage_eval.config.params import PHASES
    from zimage_eval.config.variants import read_study
    from zimage_eval.metrics.catalogue import load_metric_networks, metrics_with
    from zimage_eval.metrics.embedding import EmbeddingScores
    from zimage_eval.metrics.judges.judges import load_judge
    from zimage_eval.metrics.scores import StudyImages, group_rows, read_encodings, score_images
    from zimage_eval.model.devices import pick_device
    from zimage_eval.output.tables import (
        FACTS,
        IMAGES,
        PROMPTS,
        read_table,
        scores_schema,
        write_table,
    )
    from zimage_eval.text.wordings import read_wordings

    # More threads gain nothing on small pictures, and on shared cores they wait for seconds.
    torch.set_num_threads(1)
    entry = read_study(Path(f"data/studies/{study}.json"))
    spec = load_model_spec(Path(f"models/{entry.model}.yaml"))
    variants = entry.variants
    folder = Path(f"data/images/{study}")
    rows = read_table(folder / "images.parquet", IMAGES).to_pylist()
    prompts: dict[tuple[str, str], dict[str, Any]] = {
        (phase, row["prompt_id"]): row
        for phase in PHASES
        for row in read_table(
            Path(f"data/prompts/{entry.prompts}/{phase}.parquet"), PROMPTS
        ).to_pylist()
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
        networks=load_metric_networks(metrics, Path("models/lpips-alexnet"), spec.networks, device),
        wordings=read_wordings(Path(f"data/wordings/{study}.parquet")),
    )

    interval = 0.2 if sys.stderr.isatty() else 10
    groups = tqdm(group_rows(rows), desc=f"score {study}", unit="prompt", mininterval=interval)
    scored = score_images(groups, images)

    schema = scores_schema(metrics)
    table = pa.Table.from_pylist(scored.scores, schema=schema.columns)
    write_table(Path(f"data/scores/{study}.parquet"), schema, table)
    judged = pa.Table.from_pylist(scored.facts, schema=FACTS.columns)
    write_table(Path(f"data/facts/{study}.parquet"), FACTS, judged)


if __name__ == "__main__":
    run(main)
