"""Every metric of every image of a study, from the files that the stages before left."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from zimage_eval.facts import FactResult, Facts
from zimage_eval.images import read_picture
from zimage_eval.judges import Judge
from zimage_eval.metric_embedding import TokenVectors
from zimage_eval.metrics import METRICS, Metric
from zimage_eval.params import Variant
from zimage_eval.tables import embeddings_schema, read_table

if TYPE_CHECKING:
    import lpips

Row = Mapping[str, Any]
Scores = dict[str, float | None]
EncodingKey = tuple[str, str]
"""Text, canonical JSON of the encoder's settings."""

# LPIPS on few small pictures is all overhead, on many large ones all memory.
MAX_PAIRS_PER_BATCH = 32
MAX_PIXELS_PER_BATCH = 2**21


@dataclass(frozen=True)
class Observation:
    """All that the metrics of one image may read; None where there is nothing to read."""

    image: np.ndarray
    """(height, width, 3) uint8."""
    baseline_image: np.ndarray | None
    fact_results: tuple[FactResult, ...] | None
    embedding: TokenVectors | None
    baseline_embedding: TokenVectors | None
    num_forwards: int | None

    def inputs(self, metric: Metric) -> tuple[Any, ...]:
        """The arguments of the metric's function."""
        return {
            "fact_results": (self.fact_results,),
            "image": (self.image,),
            "image_pair": (self.image, self.baseline_image),
            "embedding": (self.embedding,),
            "embedding_pair": (self.embedding, self.baseline_embedding),
            "num_forwards": (self.num_forwards,),
        }[metric.reads]


@dataclass(frozen=True)
class StudyImages:
    """What scoring a study needs beside the rows of its image table."""

    folder: Path
    """The image table's folder."""
    prompts: Mapping[tuple[str, str], Row]
    """Row of the prompt table, by phase and prompt id."""
    variants: Mapping[str, Variant]
    embeddings: Mapping[EncodingKey, TokenVectors]
    judge: Judge
    lpips_network: "lpips.LPIPS"

    @property
    def baseline(self) -> Variant:
        """The variant that the others are compared with."""
        return next(variant for variant in self.variants.values() if variant.is_baseline)


def read_encodings(path: Path) -> dict[EncodingKey, TokenVectors]:
    """The encodings in an embedding table, whose rows are by text and setting, tokens in order.

    Raises:
        ValueError: the file is missing or is no such table.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such table")
    hidden_size = pq.read_schema(path).field("vector").type.list_size
    table = read_table(path, embeddings_schema(hidden_size))
    vectors = table["vector"].combine_chunks().flatten().to_numpy().reshape(-1, hidden_size)
    tokens, token_ids = table["token"].to_pylist(), table["token_id"].to_numpy()
    starts = np.flatnonzero(table["position"].to_numpy() == 0)
    heads = table.select(["text", "encoder"]).take(starts).to_pylist()
    encodings = {}
    for head, start, end in zip(heads, starts, [*starts[1:], len(table)], strict=True):
        rows = slice(start, end)  # views: a large model's vectors are not copied
        key = (head["text"], head["encoder"])
        encodings[key] = TokenVectors(tokens[rows], token_ids[rows], vectors[rows])
    return encodings


def load_image(path: Path) -> np.ndarray:
    """(height, width, 3) uint8 of a PNG file.

    Raises:
        ValueError: the file is missing or damaged.
    """
    return read_picture(path).permute(1, 2, 0).numpy()


def score_observation(observation: Observation) -> Scores:
    """Every metric but those computed in batches; None where an input or the number is missing."""
    scores: Scores = {}
    for name, metric in METRICS.items():
        if metric.reads != "image_pairs":
            inputs = observation.inputs(metric)
            scores[name] = None
            if all(value is not None for value in inputs):
                scores[name] = _finite(metric.compute(*inputs))
    return scores


def group_rows(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows of an image table by phase, prompt and seed: all variants of one picture."""
    order = ("phase", "prompt_id", "seed")
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in order))
    groups = groupby(ordered, key=lambda row: tuple(row[name] for name in order))
    return [list(group) for _, group in groups]


def score_images(groups: Iterable[Sequence[Row]], study: StudyImages) -> list[Row]:
    """Rows of the score table; a failed image gets None for every metric.

    Args:
        groups: from `group_rows`, perhaps behind a progress bar.
        study: what else is needed.
    """
    scored: list[Row] = []
    pairs: list[_Pair] = []
    for group in groups:
        rows, new_pairs = _score_group(group, study)
        scored += rows
        for pair in new_pairs:
            if pairs and (_is_full(pairs) or pair.image.shape != pairs[0].image.shape):
                _score_pairs(pairs, study.lpips_network)
                pairs = []
            pairs.append(pair)
    _score_pairs(pairs, study.lpips_network)
    return scored


class _Pair(NamedTuple):
    image: np.ndarray
    reference: np.ndarray
    row: dict[str, Any]
    """Where the scores go."""


def _score_group(rows: Sequence[Row], study: StudyImages) -> tuple[list[Row], list[_Pair]]:
    prompt = study.prompts[rows[0]["phase"], rows[0]["prompt_id"]]
    images = {
        row["variant"]: load_image(study.folder / row["file"]) for row in rows if not row["error"]
    }
    reference = images.get(study.baseline.name)
    scored: list[Row] = []
    pairs = []
    for row in rows:
        names = ("variant", "phase", "prompt_id", "seed", "error")
        entry = {name: row[name] for name in names} | {"category": prompt["category"]}
        entry |= dict.fromkeys(METRICS)
        scored.append(entry)
        image = images.get(row["variant"])
        if image is None:
            continue
        # A picture of another size has no distance to the baseline: resizing would make one up.
        is_rival = row["variant"] != study.baseline.name
        other = reference if is_rival and _have_one_size(image, reference) else None
        entry |= score_observation(_observe(row, image, other, prompt, study))
        if other is not None:
            pairs.append(_Pair(image, other, entry))
    return scored, pairs


def _have_one_size(image: np.ndarray, reference: np.ndarray | None) -> bool:
    return reference is not None and image.shape == reference.shape


def _is_full(pairs: Sequence[_Pair]) -> bool:
    pixels = sum(pair.image.shape[0] * pair.image.shape[1] for pair in pairs)
    return len(pairs) >= MAX_PAIRS_PER_BATCH or pixels >= MAX_PIXELS_PER_BATCH


def _score_pairs(pairs: Sequence[_Pair], network: "lpips.LPIPS") -> None:
    """Fill in the metrics that are computed in batches."""
    if not pairs:
        return
    batch = ([pair.image for pair in pairs], [pair.reference for pair in pairs], network)
    for name, metric in METRICS.items():
        if metric.reads == "image_pairs":
            for pair, value in zip(pairs, metric.compute(*batch), strict=True):
                pair.row[name] = _finite(value)


def _observe(
    row: Row, image: np.ndarray, reference: np.ndarray | None, prompt: Row, study: StudyImages
) -> Observation:
    variant, baseline = study.variants[row["variant"]], study.baseline
    results = study.judge(image, Facts.model_validate_json(prompt["facts"]))
    return Observation(
        image=image,
        baseline_image=reference,
        fact_results=None if results is None else tuple(results),
        embedding=study.embeddings[_encoding_key(prompt, variant)],
        baseline_embedding=None
        if variant.is_baseline
        else study.embeddings[_encoding_key(prompt, baseline)],
        num_forwards=row["num_forwards"],
    )


def _encoding_key(prompt: Row, variant: Variant) -> EncodingKey:
    return (prompt["text"], variant.settings.encoder.canonical())


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
