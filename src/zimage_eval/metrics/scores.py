"""Scoring a study: every metric of every image, from the files that earlier stages wrote."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zimage_eval.config.variants import Variant
from zimage_eval.metrics.embedding import EmbeddingScores, TokenVectors
from zimage_eval.metrics.judges.judges import Judge, Picture, load_image
from zimage_eval.metrics.metric import BATCHED, Metric, Reads
from zimage_eval.metrics.picture_scores import Comparisons, PictureInputs, PicturePair
from zimage_eval.output.tables import (
    SWAPPED_PROMPTS,
    TableRow,
    embeddings_schema,
    read_list_size,
    read_table,
)
from zimage_eval.prompts.facts import FactResult, Facts
from zimage_eval.text.wordings import Wordings, wording_key

EncodingKey = tuple[str, str]
"""Text, canonical JSON of the encoder's settings."""


@dataclass(frozen=True)
class StudyImages:
    """Everything that scoring a study needs, except the rows of its image table."""

    folder: Path
    """The image table's folder."""
    prompts: Mapping[tuple[str, str], TableRow]
    """Row of the prompt table, by phase and prompt id."""
    variants: Mapping[str, Variant]
    embeddings: EmbeddingScores[EncodingKey]
    judge: Judge
    metrics: Mapping[str, Metric]
    networks: Mapping[str, Any]
    """The networks of the metrics that need one, by the metric's name."""
    wordings: Wordings
    """The texts that were encoded for the prompts."""

    @property
    def baseline(self) -> Variant:
        """The variant that the others are compared with."""
        return next(variant for variant in self.variants.values() if variant.is_baseline)

    @cached_property
    def swapped(self) -> Mapping[tuple[str, str], TableRow]:
        """(phase, prompt id) -> the phase's next prompt; the last one gets the first.

        Pictures judged by another prompt show what a judge says of pictures that miss the prompt.
        """
        swapped = {}
        for phase, names in groupby(sorted(self.prompts), key=lambda key: key[0]):
            keys = [(phase, name) for _, name in names]
            for key, following in zip(keys, keys[1:] + keys[:1], strict=True):
                swapped[key] = self.prompts[following]
        return swapped


def read_encodings(path: Path) -> dict[EncodingKey, TokenVectors]:
    """The encodings of an embedding table, whose rows are sorted by text, settings and position.

    Raises:
        ValueError: the file is missing or is no embedding table.
    """
    hidden_size = read_list_size(path, "vector")
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


class ScoredStudy(NamedTuple):
    """The rows of a study's score table and of its table of judged facts."""

    scores: list[TableRow]
    """Rows of the score table; a failed image has None for every metric."""
    facts: list[TableRow]
    """Rows of the table of judged facts; an image that was not judged has none."""


def group_rows(rows: Iterable[TableRow]) -> list[list[TableRow]]:
    """The rows of an image table in groups, one for each phase and prompt."""
    ordered = sorted(rows, key=lambda row: (row["phase"], row["prompt_id"], row["seed"]))
    groups = groupby(ordered, key=lambda row: (row["phase"], row["prompt_id"]))
    return [list(group) for _, group in groups]


def score_images(groups: Iterable[Sequence[TableRow]], study: StudyImages) -> ScoredStudy:
    """Every metric and every judged fact of every image.

    Args:
        groups: from `group_rows`; a progress bar may wrap them.
        study: everything else that is needed.
    """
    scored = ScoredStudy([], [])
    queues = {reads: Comparisons(reads, study.metrics, study.networks) for reads in BATCHED}
    for group in groups:
        _score_group(group, study, scored, queues)
    for queue in queues.values():
        queue.flush()
    return scored


def _score_group(
    rows: Sequence[TableRow],
    study: StudyImages,
    scored: ScoredStudy,
    queues: Mapping[Reads, Comparisons],
) -> None:
    """Add the scores and facts of one prompt's images, all variants and seeds, to `scored`."""
    prompt = study.prompts[rows[0]["phase"], rows[0]["prompt_id"]]
    pictures = {
        _image_key(row): load_image(study.folder / row["file"]) for row in rows if not row["error"]
    }
    entries: dict[tuple[str, int], dict[str, Any]] = {}
    for row in rows:
        names = ("variant", "phase", "prompt_id", "seed", "error")
        entry = {name: row[name] for name in names} | {"category": prompt["category"]}
        entry |= dict.fromkeys(study.metrics)
        scored.scores.append(entry)
        picture = pictures.get(_image_key(row))
        if picture is None:
            continue
        entries[_image_key(row)] = entry
        baseline = _baseline_of(row, picture, pictures, study)
        facts = _judged(picture, prompt, study)
        observation = PictureInputs(
            image=picture.pixels,
            baseline_image=baseline,
            fact_results=facts,
            num_forwards=row["num_forwards"],
        )
        entry |= observation.scores(study.metrics) | _embedding_scores(row, prompt, study)
        scored.facts.extend(_fact_row(row, picture, result) for result in facts or ())
        queues["image_texts"].add(PicturePair(picture.pixels, prompt["text"], (entry,)))
        if baseline is not None:
            queues["image_pairs"].add(PicturePair(picture.pixels, baseline, (entry,)))
    for row in rows:
        if row["variant"] == study.baseline.name and _image_key(row) in entries:
            entry, picture = entries[_image_key(row)], pictures[_image_key(row)]
            scored.scores.append(_swapped_entry(row, picture, entry, study))
    for first, second in combinations(entries, 2):
        images = pictures[first].pixels, pictures[second].pixels
        if first[0] == second[0] and images[0].shape == images[1].shape:
            pair = (entries[first], entries[second])
            queues["seed_pairs"].add(PicturePair(*images, pair))


def _swapped_entry(
    row: TableRow, picture: Picture, entry: TableRow, study: StudyImages
) -> TableRow:
    """Score row of a baseline's picture judged by another prompt; only judged metrics are set."""
    swapped_prompt = study.swapped[row["phase"], row["prompt_id"]]
    facts = _judged(picture, swapped_prompt, study)
    judged = {name: metric for name, metric in study.metrics.items() if metric.is_judged}
    scores = PictureInputs(
        image=picture.pixels,
        baseline_image=None,
        fact_results=facts,
        num_forwards=row["num_forwards"],
    ).scores(judged)
    return {**entry, "variant": SWAPPED_PROMPTS} | dict.fromkeys(study.metrics) | scores


def _judged(
    picture: Picture, prompt: TableRow, study: StudyImages
) -> tuple[FactResult, ...] | None:
    results = study.judge(picture, Facts.model_validate_json(prompt["facts"]))
    return None if results is None else tuple(results)


def _image_key(row: TableRow) -> tuple[str, int]:
    return (row["variant"], row["seed"])


def _baseline_of(
    row: TableRow, picture: Picture, pictures: Mapping[tuple[str, int], Picture], study: StudyImages
) -> np.ndarray | None:
    """The baseline's picture of the same seed; None for the baseline itself.

    None also where the sizes differ: a distance after resizing would measure the resizing.
    """
    baseline = pictures.get((study.baseline.name, row["seed"]))
    if baseline is None or row["variant"] == study.baseline.name:
        return None
    return baseline.pixels if baseline.pixels.shape == picture.pixels.shape else None


def _embedding_scores(
    row: TableRow, prompt: TableRow, study: StudyImages
) -> dict[str, float | None]:
    variant, baseline = study.variants[row["variant"]], study.baseline
    key = _encoding_key(prompt, variant, study.wordings)
    baseline_key = _encoding_key(prompt, baseline, study.wordings)
    return study.embeddings.of(key, None if variant.is_baseline else baseline_key)


def _fact_row(row: TableRow, picture: Picture, result: FactResult) -> TableRow:
    names = ("variant", "phase", "prompt_id", "seed")
    judgement = {"image": picture.digest, "fact": result.name, "held": result.held}
    return {name: row[name] for name in names} | judgement


def _encoding_key(prompt: TableRow, variant: Variant, wordings: Wordings) -> EncodingKey:
    text = wordings[wording_key(prompt["text"], variant.settings)].text
    assert text is not None, "a picture was made of it"
    return (text, variant.settings.encoder.canonical())
