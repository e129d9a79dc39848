"""Scoring a study: every metric of every image, from the files that earlier stages wrote.

Images are scored in portions: those of one variant and phase, some prompts at a time. A portion
lists all that decides its scores, so that the store can keep them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zimage_eval.config.variants import Variant
from zimage_eval.metrics.embedding import EmbeddingScores, TokenVectors
from zimage_eval.metrics.judges.judges import Judge, Picture
from zimage_eval.metrics.metric import BATCHED, Metric
from zimage_eval.metrics.picture_scores import (
    MAX_PER_BATCH,
    Comparisons,
    PictureInputs,
    PicturePair,
)
from zimage_eval.output.stored.listed_pictures import ListedPicture
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
ImageKey = tuple[str, str, str, int]
"""Variant, phase, prompt id and seed."""


class Instruments(NamedTuple):
    """What judges and measures pictures, loaded."""

    judge: Judge
    networks: Mapping[str, Any]
    """The networks of the metrics that need one, by the metric's name."""


@dataclass(frozen=True)
class StudyImages:
    """Everything that scoring a study needs, except the rows of its image table."""

    folder: Path
    """The image table's folder."""
    prompts: Mapping[tuple[str, str], TableRow]
    """Row of the prompt table, by phase and prompt id."""
    variants: Mapping[str, Variant]
    embeddings: EmbeddingScores[EncodingKey]
    metrics: Mapping[str, Metric]
    wordings: Wordings
    """The texts that were encoded for the prompts."""
    load_instruments: Callable[[], Instruments]
    """Called only where something has to be scored, and then once for each portion."""

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


class PictureTask(NamedTuple):
    """A picture to be scored, and all that its scores are computed from."""

    image: ImageKey
    picture: ListedPicture
    baseline: ListedPicture | None
    """The baseline's picture of the same prompt and seed; None for the baseline itself."""
    text: str
    facts: str
    """JSON of the prompt's facts."""
    swapped_facts: str | None
    """Another prompt's, which the baseline's pictures are judged by too."""
    num_forwards: int | None
    encoding: EncodingKey
    baseline_encoding: EncodingKey | None


class PictureScores(NamedTuple):
    """What was measured of one picture."""

    scores: dict[str, float | None]
    facts: list[Sequence[Any]] | None
    """Name of each judged fact, whether it holds, and its probability where the judge gives one;
    None where nothing was judged."""
    swapped_scores: dict[str, float | None] | None
    """By another prompt's facts; only judged metrics."""


ScorePortion = Callable[[Sequence[PictureTask], StudyImages], list[PictureScores]]
"""Scores the tasks of a portion: `score_portion`, or one that asks the store first."""


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


def score_images(
    groups: Sequence[Sequence[TableRow]],
    study: StudyImages,
    score: ScorePortion | None = None,
    watch: Callable[[list[Any]], Iterable[Any]] = iter,
) -> ScoredStudy:
    """Every metric and every judged fact of every image.

    Args:
        groups: from `group_rows`.
        study: everything else that is needed.
        score: scores a portion; None computes all of them.
        watch: a progress bar around the list of portions.

    Raises:
        ValueError: a picture is missing, damaged or has other pixels than its row lists.
    """
    score = score or score_portion
    results: dict[ImageKey, tuple[PictureTask, PictureScores]] = {}
    for portion in watch(plan_portions(groups, study)):
        for task, result in zip(portion, score(portion, study), strict=True):
            results[task.image] = task, result
    scored = ScoredStudy([], [])
    for group in groups:
        entries = {_image_key(row): _score_entry(row, results, study) for row in group}
        scored.scores.extend(entries.values())
        for key, entry in entries.items():
            if key not in results:
                continue
            task, result = results[key]
            scored.facts.extend(_fact_row(task, *fact) for fact in result.facts or ())
            if result.swapped_scores is not None:
                blank = {**entry, "variant": SWAPPED_PROMPTS} | dict.fromkeys(study.metrics)
                scored.scores.append(blank | result.swapped_scores)
    return scored


def plan_portions(
    groups: Iterable[Sequence[TableRow]], study: StudyImages
) -> list[list[PictureTask]]:
    """The pictures of a study in portions that don't depend on the study's other variants.

    A portion holds whole prompts, so that all pairs of a prompt's seeds are in it, and as many of
    them as fill a batch of a network.
    """
    by_arm: dict[tuple[str, str], list[list[PictureTask]]] = {}
    for group in groups:
        listed = {_image_key(row): _listed(row, study.folder) for row in group if not row["error"]}
        for row in group:
            if not row["error"]:
                task = _picture_task(row, listed, study)
                prompts = by_arm.setdefault((row["phase"], row["variant"]), [])
                if prompts and prompts[-1][0].image[2] == row["prompt_id"]:
                    prompts[-1].append(task)
                else:
                    prompts.append([task])
    portions: list[list[PictureTask]] = []
    for prompts in by_arm.values():
        portions.append([])
        for tasks in prompts:
            if portions[-1] and len(portions[-1]) + len(tasks) > MAX_PER_BATCH:
                portions.append([])
            portions[-1].extend(tasks)
    return portions


def score_portion(tasks: Sequence[PictureTask], study: StudyImages) -> list[PictureScores]:
    """The scores of a portion, in its order, computed from its tasks alone."""
    judge, networks = study.load_instruments()
    queues = {reads: Comparisons(reads, study.metrics, networks) for reads in BATCHED}
    pictures = [_load_picture(task.picture) for task in tasks]
    results = []
    for task, picture in zip(tasks, pictures, strict=True):
        baseline = _baseline_pixels(task, picture)
        results.append(_score_picture(task, picture, baseline, judge, study))
        scores = results[-1].scores
        queues["image_texts"].add(PicturePair(picture.pixels, task.text, (scores,)))
        if baseline is not None:
            queues["image_pairs"].add(PicturePair(picture.pixels, baseline, (scores,)))
    for _, prompt_indices in groupby(range(len(tasks)), key=lambda index: tasks[index].image[:3]):
        for first, second in combinations(prompt_indices, 2):
            images = pictures[first].pixels, pictures[second].pixels
            if images[0].shape == images[1].shape:
                pair = (results[first].scores, results[second].scores)
                queues["seed_pairs"].add(PicturePair(*images, pair))
    for queue in queues.values():
        queue.flush()
    return results


def _score_picture(
    task: PictureTask,
    picture: Picture,
    baseline: np.ndarray | None,
    judge: Judge,
    study: StudyImages,
) -> PictureScores:
    """All scores but those of networks."""
    facts = judge(picture, Facts.model_validate_json(task.facts))
    inputs = PictureInputs(
        image=picture.pixels,
        baseline_image=baseline,
        fact_results=None if facts is None else tuple(facts),
        num_forwards=task.num_forwards,
    )
    scores = dict.fromkeys(study.metrics) | inputs.scores(study.metrics)
    scores |= study.embeddings.of(task.encoding, task.baseline_encoding)
    judged = None if facts is None else [_judged_fact(result) for result in facts]
    return PictureScores(scores, judged, _swapped_scores(task, picture, judge, study))


def _judged_fact(result: FactResult) -> Sequence[Any]:
    fact = (result.name, bool(result.held))
    return fact if result.probability is None else (*fact, result.probability)


def _swapped_scores(
    task: PictureTask, picture: Picture, judge: Judge, study: StudyImages
) -> dict[str, float | None] | None:
    """Scores of a baseline's picture judged by another prompt; only judged metrics."""
    if task.swapped_facts is None:
        return None
    facts = judge(picture, Facts.model_validate_json(task.swapped_facts))
    judged = {name: metric for name, metric in study.metrics.items() if metric.is_judged}
    return PictureInputs(
        image=picture.pixels,
        baseline_image=None,
        fact_results=None if facts is None else tuple(facts),
        num_forwards=task.num_forwards,
    ).scores(judged)


def _load_picture(listed: ListedPicture) -> Picture:
    pixels = listed.read().permute(1, 2, 0).numpy()
    return Picture(pixels, listed.file_digest[:16])


def _baseline_pixels(task: PictureTask, picture: Picture) -> np.ndarray | None:
    """The baseline's picture of the same seed; None for the baseline itself.

    None also where the sizes differ: a distance after resizing would measure the resizing.
    """
    if task.baseline is None:
        return None
    pixels: np.ndarray = task.baseline.read().permute(1, 2, 0).numpy()
    return pixels if pixels.shape == picture.pixels.shape else None


def _picture_task(
    row: TableRow, listed: Mapping[ImageKey, ListedPicture], study: StudyImages
) -> PictureTask:
    key = _image_key(row)
    prompt = study.prompts[row["phase"], row["prompt_id"]]
    variant, baseline = study.variants[row["variant"]], study.baseline
    is_baseline = row["variant"] == baseline.name
    swapped = study.swapped[row["phase"], row["prompt_id"]] if is_baseline else None
    return PictureTask(
        image=key,
        picture=listed[key],
        baseline=None if is_baseline else listed.get((baseline.name, *key[1:])),
        text=prompt["text"],
        facts=prompt["facts"],
        swapped_facts=None if swapped is None else swapped["facts"],
        num_forwards=row["num_forwards"],
        encoding=_encoding_key(prompt, variant, study.wordings),
        baseline_encoding=None if is_baseline else _encoding_key(prompt, baseline, study.wordings),
    )


def _score_entry(
    row: TableRow,
    results: Mapping[ImageKey, tuple[PictureTask, PictureScores]],
    study: StudyImages,
) -> dict[str, Any]:
    """The row's own columns of a score table, and its scores; None for those of a failed image."""
    names = ("variant", "phase", "prompt_id", "seed", "error")
    prompt = study.prompts[row["phase"], row["prompt_id"]]
    entry = {name: row[name] for name in names} | {"category": prompt["category"]}
    result = results.get(_image_key(row))
    return entry | dict.fromkeys(study.metrics) | (result[1].scores if result else {})


def _image_key(row: TableRow) -> ImageKey:
    return (row["variant"], row["phase"], row["prompt_id"], row["seed"])


def _listed(row: TableRow, folder: Path) -> ListedPicture:
    return ListedPicture(folder / row["file"], row["pixels"])


def _fact_row(
    task: PictureTask, name: str, held: bool, probability: float | None = None
) -> TableRow:
    names = ("variant", "phase", "prompt_id", "seed")
    judgement: dict[str, Any] = {
        "image": task.picture.file_digest[:16],
        "fact": name,
        "held": held,
    }
    if probability is not None:
        judgement["probability"] = probability
    return dict(zip(names, task.image, strict=True)) | judgement


def _encoding_key(prompt: TableRow, variant: Variant, wordings: Wordings) -> EncodingKey:
    text = wordings[wording_key(prompt["text"], variant.settings)].text
    assert text is not None, "a picture was made of it"
    return (text, variant.settings.encoder.canonical())
