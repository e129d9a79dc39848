"""prompts, embeddings, images of a study -> a row of scores per image, a row per judged fact

data/studies/<study>.json, data/prompts/<role>/, data/{wordings,embeddings}/<study>.parquet,
data/images/<study>/, models/lpips-alexnet/
-> data/scores/<study>.parquet, data/facts/<study>.parquet

Scores are taken from the store where it holds them (stages/generate_images.py says more of it).
"""

import os
import sys
from functools import cache, partial
from pathlib import Path
from typing import Any

from stages import run


def main(study: str) -> None:
    """Judge and measure every image of a study."""
    import pyarrow as pa
    from tqdm import tqdm

    from zimage_eval.config.model_spec import load_model_spec
    from zimage_eval.config.params import PHASES
    from zimage_eval.config.variants import read_study
    from zimage_eval.metrics.catalogue import metrics_with
    from zimage_eval.metrics.embedding import EmbeddingScores
    from zimage_eval.metrics.scores import StudyImages, group_rows, read_encodings, score_images
    from zimage_eval.metrics.stored_scores import StoredScores, load_instruments, measured_by
    from zimage_eval.output.store import SCORES, Store, find_store_root
    from zimage_eval.output.store_contents import note_uses
    from zimage_eval.output.tables import (
        FACTS,
        IMAGES,
        PROMPTS,
        read_table,
        scores_schema,
        write_table,
    )
    from zimage_eval.text.wordings import read_wordings

    entry = read_study(Path(f"data/studies/{study}.json"))
    spec = load_model_spec(Path(f"models/{entry.model}.yaml"))
    folder, alexnet = Path(f"data/images/{study}"), Path("models/lpips-alexnet")
    rows = read_table(folder / "images.parquet", IMAGES).to_pylist()
    prompts: dict[tuple[str, str], dict[str, Any]] = {
        (phase, row["prompt_id"]): row
        for phase in PHASES
        for row in read_table(
            Path(f"data/prompts/{entry.prompts}/{phase}.parquet"), PROMPTS
        ).to_pylist()
    }
    metrics = metrics_with(spec.networks)
    images = StudyImages(
        folder=folder,
        prompts=prompts,
        variants={variant.name: variant for variant in entry.variants},
        embeddings=EmbeddingScores(
            read_encodings(Path(f"data/embeddings/{study}.parquet")), metrics
        ),
        metrics=metrics,
        wordings=read_wordings(Path(f"data/wordings/{study}.parquet")),
        load_instruments=cache(lambda: load_instruments(spec, alexnet)),
    )
    store = Store(find_store_root(os.environ.get("ZIMAGE_EVAL_STORE")), SCORES)
    interval = 0.2 if sys.stderr.isatty() else 10
    bar = partial(tqdm, desc=f"score {study}", unit="portion", mininterval=interval)
    stored = StoredScores(store, measured_by(spec, alexnet))
    scored = score_images(group_rows(rows), images, stored, bar)

    schema = scores_schema(list(metrics))
    table = pa.Table.from_pylist(scored.scores, schema=schema.columns)
    write_table(Path(f"data/scores/{study}.parquet"), schema, table)
    judged = pa.Table.from_pylist(scored.facts, schema=FACTS.columns)
    write_table(Path(f"data/facts/{study}.parquet"), FACTS, judged)
    note_uses(Path(f"data/scores/{study}.parquet"), [store])
    print(f"data/scores/{study}.parquet: {len(rows)} images, {store.num_found} portions from the store")


if __name__ == "__main__":
    run(main)
