"""Split a study's pictures into shards that are scored side by side, and join their score tables.

A shard is a folder with links to everything that scoring reads of the study, and a table of its own
that lists its pictures. It holds whole prompts, because a score depends on no pictures but those of
the same prompt (baseline, other seeds). At the edge of a shard a network that compares pictures
gets other batches, which may change the last bits of LPIPS.
"""

from itertools import groupby
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from calibration.study.study_folders import link
from zimage_eval.output.tables import IMAGES, read_table, write_table

LINKED: Final = ("models", "data/prompts", "data/embeddings", "data/studies", "data/wordings")
"""All that `stages.compute_scores` reads of a study, its pictures excepted."""
SCORED: Final = ("scores", "facts")
"""Folders of the tables that scoring writes."""


def split_images(folder: Path, study: str, images_per_shard: int) -> list[Path]:
    """Make the shards of a study whose pictures are drawn; returns their folders, in order.

    Args:
        folder: the study's.
        study: its key.
        images_per_shard: pictures of a shard, up to the last prompt that begins below that.
    """
    images = folder / "data" / "images" / study
    rows = read_table(images / "images.parquet", IMAGES).to_pylist()
    rows.sort(key=lambda row: (row["phase"], row["prompt_id"], row["seed"]))
    parts: list[list[dict[str, object]]] = [[]]
    for _, group in groupby(rows, key=lambda row: (row["phase"], row["prompt_id"])):
        if len(parts[-1]) >= images_per_shard:
            parts.append([])
        parts[-1] += group
    shards = [folder / "shards" / str(number) for number in range(len(parts))]
    for shard, part in zip(shards, parts, strict=True):
        for name in LINKED:
            link(shard / name, folder / name)
        place = shard / "data" / "images" / study
        for path in images.iterdir():
            if path.is_dir():
                link(place / path.name, path)
        write_table(
            place / "images.parquet", IMAGES, pa.Table.from_pylist(part, schema=IMAGES.columns)
        )
    return shards


def join_tables(folder: Path, study: str, shards: list[Path]) -> None:
    """Write the tables of all shards as those of the study."""
    for name in SCORED:
        file = Path("data") / name / f"{study}.parquet"
        table = pa.concat_tables([pq.read_table(shard / file) for shard in shards])
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / file, compression="zstd")
