"""Pictures of a compared model -> scores, judged facts and features, the same for every model."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from zimage_eval.benchmarks.comparison.prompts import AskedPrompt
from zimage_eval.config.metrics import MetricDefinition, Reads
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.metrics.judges.judges import Judge, Picture, load_image
from zimage_eval.metrics.metric import Metric
from zimage_eval.metrics.picture_scores import Comparisons, PictureInputs, PicturePair
from zimage_eval.metrics.sets.extraction import features_by_backbone
from zimage_eval.metrics.sets.features import write_study_features
from zimage_eval.output.png import read_picture
from zimage_eval.output.tables import SWAPPED_PROMPTS

COMPARED: tuple[Reads, ...] = ("seed_pairs", "image_texts")
"""The inputs that come as lists and need no baseline."""
Definition = TypeVar("Definition", bound=MetricDefinition)


class ComparedScores(NamedTuple):
    """Rows of a score table and of a table of judged facts."""

    scores: list[dict[str, Any]]
    facts: list[dict[str, Any]]


def unpaired(metrics: Mapping[str, Definition]) -> dict[str, Definition]:
    """The metrics of a picture that need no baseline and no embedding."""
    wanted = ("fact_results", "image", *COMPARED, "num_forwards")
    return {name: metric for name, metric in metrics.items() if metric.reads in wanted}


def score_pictures(
    rows: Iterable[dict[str, Any]],
    prompts: Mapping[str, AskedPrompt],
    folder: Path,
    judge: Judge,
    metrics: Mapping[str, Metric],
    networks: Mapping[str, Any],
) -> ComparedScores:
    """Every metric and every judged fact of every image.

    A second row of each picture, of the variant `swapped prompts`, holds what it scores by the
    facts of another prompt: what a judge gives for nothing.

    Args:
        rows: of the model's image table, perhaps behind a progress bar.
        prompts: by id, all that were asked.
        folder: of the pictures.
        judge: None for a picture that it can't judge.
        metrics: from `unpaired`.
        networks: of the metrics that are computed with one.
    """
    queues = {reads: Comparisons(reads, metrics, networks) for reads in COMPARED}
    others = swapped_prompts(list(prompts.values()))
    made, seen = ComparedScores([], []), defaultdict(list)
    for row in rows:
        prompt = prompts[row["prompt_id"]]
        entry = _entry(row, prompt) | dict.fromkeys(metrics)
        made.scores.append(entry)
        if row["error"]:
            continue
        picture = load_image(folder / row["file"])
        results = judge(picture, prompt.facts)
        facts = None if results is None else tuple(results)
        found = PictureInputs(picture.pixels, None, facts, row["num_forwards"])
        entry |= found.scores(metrics)
        key = {name: row[name] for name in ("variant", "phase", "prompt_id", "seed")}
        for result in facts or ():
            fact = {"image": picture.digest, "fact": result.name, "held": result.held}
            if result.probability is not None:
                fact["probability"] = result.probability
            made.facts.append(key | fact)
        queues["image_texts"].add(PicturePair(picture.pixels, prompt.text, (entry,)))
        seen[row["prompt_id"]].append((picture, entry))
        made.scores.append(_swapped(entry, picture, others[prompt.prompt_id], judge, metrics))
    for pictures in seen.values():
        for (one, first), (other, second) in combinations(pictures, 2):
            if one.pixels.shape == other.pixels.shape:
                pair = PicturePair(one.pixels, other.pixels, (first, second))
                queues["seed_pairs"].add(pair)
    for queue in queues.values():
        queue.flush()
    return made


def swapped_prompts(prompts: Sequence[AskedPrompt]) -> dict[str, AskedPrompt]:
    """By id, the following prompt of another scene in its category; the last has the first's."""
    by_category: dict[str, list[AskedPrompt]] = defaultdict(list)
    for prompt in prompts:
        by_category[prompt.category].append(prompt)
    return {
        prompt.prompt_id: following
        for members in by_category.values()
        for prompt, following in zip(members, [*members[1:], members[0]], strict=True)
    }


def _entry(row: dict[str, Any], prompt: AskedPrompt) -> dict[str, Any]:
    names = ("variant", "phase", "prompt_id", "seed", "error")
    return {name: row[name] for name in names} | {"category": prompt.category}


def _swapped(
    entry: dict[str, Any],
    picture: Picture,
    other: AskedPrompt,
    judge: Judge,
    metrics: Mapping[str, Metric],
) -> dict[str, Any]:
    results = judge(picture, other.facts)
    judged = {name: metric for name, metric in metrics.items() if metric.is_judged}
    facts = None if results is None else tuple(results)
    scores = PictureInputs(picture.pixels, None, facts, None).scores(judged)
    return {**entry, "variant": SWAPPED_PROMPTS} | dict.fromkeys(metrics) | scores


def write_features(
    rows: Sequence[Mapping[str, Any]],
    prompts: Mapping[str, AskedPrompt],
    folder: Path,
    spec: ModelSpec,
    shipped: Mapping[str, Path],
) -> None:
    """Write `features/<backbone>.parquet` of the prompt set's pictures, not of the capabilities'.

    Args:
        rows: of the image table.
        prompts: by id.
        folder: of the model's pictures.
        spec: of the model under study, whose backbones look at every model's pictures.
        shipped: where the weights of those are that come with the repository.
    """
    main = [row for row in rows if not prompts[row["prompt_id"]].is_capability]
    made = [row for row in main if row["error"] is None]
    pictures = [partial(read_picture, folder / row["file"]) for row in made]
    for backbone, features in features_by_backbone(pictures, spec, shipped):
        name = backbone.signature.name
        write_study_features(folder / "features" / f"{name}.parquet", made, features)
