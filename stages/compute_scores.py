"""prompts, embeddings, images of a study -> a row of scores per image, a row per judged fact

data/studies/<study>.json, data/prompts/<role>/, data/{wordings,embeddings}/<study>.parquet,
data/images/<study>/, models/lpips-alexnet/
-> data/scores/<study>.parquet, data/facts/<study>.parquet

Scores are taken from the store where it holds them (stages/generate_images.py says more of it).
"""

from functools import cache, partial
from pathlib import Path

from stages import run


def main(study: str) -> None:
    """Judge and measure every image of a study."""
    import pyarrow as pa
    from tqdm import tqdm

    from zimage_eval.metrics.catalogue import metrics_with
    from zimage_eval.metrics.embedding import EmbeddingScores
    from zimage_eval.metrics.scores import StudyImages, group_rows, read_encodings, score_images
    from zimage_eval.metrics.stored_scores import StoredScores, load_instruments, measured_by
    from zimage_eval.model.environment import write_stored_environment
    from zimage_eval.output.progress import progress_interval
    from zimage_eval.output.project import Project
    from zimage_eval.output.store import RESULTS, SCORES, open_kind
    from zimage_eval.output.stored.store_contents import note_uses
    from zimage_eval.output.tables import (
        IMAGES,
        TableRow,
        facts_schema,
        read_table,
        scores_schema,
        write_table,
    )
    from zimage_eval.text.wordings import read_wordings

    entry = Project.open().study(study)
    project = Project.open(model=entry.model)
    spec, alexnet = project.spec, project.lpips_folder
    folder = Path(f"data/images/{study}")
    rows = read_table(folder / "images.parquet", IMAGES).to_pylist()
    prompts: dict[tuple[str, str], TableRow] = {
        (phase, row["prompt_id"]): row
        for phase, phase_rows in project.prompts(entry.prompts).rows.items()
        for row in phase_rows
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
    store = open_kind(project.folder, SCORES)
    bar = partial(tqdm, desc=f"score {study}", unit="portion", mininterval=progress_interval())
    stored = StoredScores(store, measured_by(spec, alexnet))
    scored = score_images(group_rows(rows), images, stored, bar)

    schema = scores_schema(metrics)
    table = pa.Table.from_pylist(scored.scores, schema=schema.columns)
    write_table(Path(f"data/scores/{study}.parquet"), schema, table)
    schema = facts_schema(spec.judge)
    judged = pa.Table.from_pylist(scored.facts, schema=schema.columns)
    write_table(Path(f"data/facts/{study}.parquet"), schema, judged)
    note_uses(Path(f"data/scores/{study}.parquet"), [store])
    print(f"{study}: scores of {len(rows)} images, {store.num_found} portions from the store")
    write_stored_environment(
        Path(f"data/environment/compute_scores/{study}.json"), open_kind(project.folder, RESULTS)
    )


if __name__ == "__main__":
    run(main)
