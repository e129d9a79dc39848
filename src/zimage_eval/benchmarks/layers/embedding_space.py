"""What prompt embeddings hold: clusters, facts that linear probes read, directions, components."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from zimage_eval.benchmarks.layers.embedding_labels import LABELS, Mention, rows_with_common_label
from zimage_eval.benchmarks.shared.content_vectors import Floats
from zimage_eval.config.benchmarks import EmbeddingSpace
from zimage_eval.output.observations import Measurement, observation_table
from zimage_eval.prompts.sets import Prompt
from zimage_eval.statistics.components import principal_components
from zimage_eval.statistics.held_out import (
    area_under_curve,
    bag_of_words,
    folds,
    held_out_classes,
    num_words,
)
from zimage_eval.statistics.studentized import mean_test

NOUN_COLOR: Final = "color_of_noun"


def standardized(vectors: Floats) -> Floats:
    """Scale each channel to mean 0 and standard deviation 1; a constant channel becomes 0."""
    spread = vectors.std(axis=0)
    return (vectors - vectors.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def cluster_rows(
    prompts: Sequence[Prompt], vectors: Mapping[str, Floats], params: EmbeddingSpace
) -> dict[str, dict[str, float | None]]:
    """How well clusters agree with the prompts' categories, compared with shuffled categories.

    Args:
        prompts: prompts of several categories.
        vectors: name of a representation -> `(prompts, features)`.
        params: settings of the benchmark.
    """
    categories = np.array([prompt.category for prompt in prompts])
    num_clusters = len(set(categories))
    rng = np.random.default_rng(params.seed)
    shuffled = [rng.permutation(categories) for _ in range(params.num_permutations)]
    rows: dict[str, dict[str, float | None]] = {}
    for name, representation in vectors.items():
        points = standardized(representation)
        kmeans = KMeans(num_clusters, n_init=10, random_state=params.seed).fit_predict(points)
        tree = AgglomerativeClustering(num_clusters).fit_predict(points)
        row: dict[str, float | None] = {"num_prompts": len(prompts)}
        for key, score in {
            "kmeans_rand": lambda labels, clusters=kmeans: adjusted_rand_score(labels, clusters),
            "agglomerative_rand": lambda labels, clusters=tree: adjusted_rand_score(
                labels, clusters
            ),
            "silhouette": lambda labels, points=points: silhouette_score(points, labels),
        }.items():
            value = float(score(categories))
            null = np.array([score(labels) for labels in shuffled])
            row[key] = value
            row[f"{key}_null_high"] = float(np.quantile(null, 0.95))
            row[f"{key}_p"] = float((1 + (null >= value).sum()) / (1 + len(null)))
        rows[f"clusters={name}"] = row
    return rows


def probe_label(
    name: str,
    labels: Sequence[str | None],
    units: Sequence[str],
    inputs: Mapping[str, Floats],
    params: EmbeddingSpace,
) -> list[Measurement]:
    """Measure whether each row's label is predicted right from each input, on held-out prompts.

    Args:
        name: name of the label.
        labels: one per row; rows without a label, or with a rare one, are left out.
        units: the prompt of each row; all rows of a prompt are in the same fold.
        inputs: name -> `(rows, features)`; the baselines `commonest` and `shuffled` are added.
        params: settings of the benchmark.

    Returns:
        One measurement per row and input; an empty list if fewer than two labels are common.
    """
    kept = rows_with_common_label(labels, params.least_per_class)
    classes = np.array([labels[index] for index in kept], dtype=str)
    kept_units = [units[index] for index in kept]
    if len(set(classes)) < 2:
        return []
    parts = folds(kept_units, params.num_folds, params.seed)
    chosen = {key: values[kept] for key, values in inputs.items()}
    first = next(iter(chosen.values()))
    order = np.random.default_rng(params.seed).permutation(len(kept))
    chosen |= {"commonest": np.zeros((len(kept), 0)), "shuffled": first[order]}
    measurements = []
    for key, values in chosen.items():
        right = held_out_classes(values, classes, parts) == classes
        replicates: dict[str, int] = {}
        for unit, is_right in zip(kept_units, right, strict=True):
            replicates[unit] = replicates.get(unit, -1) + 1
            measurements.append(
                Measurement(
                    variant=key,
                    unit=unit,
                    replicate=replicates[unit],
                    category=name,
                    metric="correct",
                    value=float(is_right),
                )
            )
    return measurements


def probe_prompts(
    prompts: Sequence[Prompt],
    pooled: Floats,
    mentions: Sequence[Mention],
    params: EmbeddingSpace,
) -> list[Measurement]:
    """Probe every label of `LABELS` from the mean vector, and each noun's color from its vector.

    Baselines are a bag of the prompt's words and its length. For a noun, the bag of words also says
    which noun it is.
    """
    texts, units = [p.text for p in prompts], [p.id for p in prompts]
    inputs = {"embedding": pooled, "bag_of_words": bag_of_words(texts), "length": num_words(texts)}
    measurements = []
    for name, label in LABELS.items():
        measurements += probe_label(
            name, [label(prompt) for prompt in prompts], units, inputs, params
        )
    if mentions:
        captions = [mention.text for mention in mentions]
        nouns = bag_of_words([mention.name for mention in mentions])
        inputs = {
            "embedding": np.stack([mention.vector for mention in mentions]),
            "bag_of_words": np.concatenate([bag_of_words(captions), nouns], axis=1),
            "length": num_words(captions),
        }
        colors = [mention.color for mention in mentions]
        measurements += probe_label(
            NOUN_COLOR, colors, [m.prompt_id for m in mentions], inputs, params
        )
    return measurements


def probe_rows(observations: Sequence[Measurement]) -> dict[str, dict[str, float | None]]:
    """By label: the accuracy of each input over prompts, and the embedding's gain over each."""
    table = observation_table(observations)
    rows: dict[str, dict[str, float | None]] = {}
    for label, by_label in table.groupby("category", sort=False):
        means = {
            str(key): {
                str(unit): float(np.mean(outcomes))
                for unit, outcomes in by_input.groupby("unit", sort=False)["value"]
            }
            for key, by_input in by_label.groupby("variant", sort=False)
        }
        row: dict[str, float | None] = {"num_prompts": len(means["embedding"])}
        for key, shares in means.items():
            of_share = mean_test(list(shares.values()), (0, 1))
            low, high = of_share.interval(0.95) if of_share else (None, None)
            row |= {
                f"{key}_accuracy": float(np.mean(list(shares.values()))),
                f"{key}_accuracy_low": low,
                f"{key}_accuracy_high": high,
            }
            if key == "embedding":
                continue
            gains = [means["embedding"][unit] - value for unit, value in shares.items()]
            test = mean_test(gains, (-1, 1))
            low, high = test.interval(0.95) if test else (None, None)
            row |= {
                f"gain_over_{key}": float(np.mean(gains)),
                f"gain_over_{key}_low": low,
                f"gain_over_{key}_high": high,
            }
        rows[f"probe={label}"] = row
    return rows


def direction_rows(
    prompts: Sequence[Prompt], pooled: Floats, params: EmbeddingSpace
) -> dict[str, dict[str, float | None]]:
    """Directions (differences of means) for each value of a label, and how well they generalize.

    `halves_cosine` is the cosine between the directions of two halves of the prompts. `auc` tells
    held-out prompts with the value from prompts without it, by their position along the direction;
    `auc_length` tells them by the number of words.
    """
    points = standardized(pooled)
    lengths = num_words([prompt.text for prompt in prompts])[:, 0]
    parts = folds([prompt.id for prompt in prompts], params.num_folds, params.seed)
    halves = folds([prompt.id for prompt in prompts], 2, params.seed)
    order = np.random.default_rng(params.seed).permutation(len(prompts))
    rows: dict[str, dict[str, float | None]] = {}
    for kind in ("style", "background", "relation", "num_objects"):
        labels = [LABELS[kind](prompt) for prompt in prompts]
        for value in sorted({label for label in labels if label not in (None, "unsaid")} - {None}):
            has = np.array([label == value for label in labels])
            if not params.least_per_class <= has.sum() <= len(has) - params.least_per_class:
                continue
            first_half, second_half = (_direction(points[half], has[half]) for half in halves)
            rows[f"direction={kind}={value}"] = {
                "num_with": int(has.sum()),
                "halves_cosine": float(first_half @ second_half),
                "auc": area_under_curve(_places(points, has, parts), has),
                "auc_shuffled": area_under_curve(_places(points[order], has, parts), has),
                "auc_length": area_under_curve(lengths, has),
            }
    return rows


def _direction(vectors: Floats, has: NDArray[np.bool_]) -> Floats:
    """`(channels,)` of length 1: the difference of the means with and without a value."""
    difference = vectors[has].mean(axis=0) - vectors[~has].mean(axis=0)
    return np.asarray(difference / np.linalg.norm(difference), dtype=np.float64)


def _places(vectors: Floats, has: NDArray[np.bool_], parts: Sequence[NDArray[np.intp]]) -> Floats:
    places = np.empty(len(vectors))
    for test in parts:
        train = np.setdiff1d(np.arange(len(vectors)), test)
        direction = _direction(vectors[train], has[train])
        middle = (vectors[train][has[train]].mean(0) + vectors[train][~has[train]].mean(0)) / 2
        places[test] = (vectors[test] - middle) @ direction
    return places


def component_rows(
    prompts: Sequence[Prompt], pooled: Floats, number: int
) -> dict[str, dict[str, float | None]]:
    """Principal components: share of the variance, and how much of it length and labels explain."""
    shares, scores = principal_components(standardized(pooled))
    lengths = num_words([prompt.text for prompt in prompts])[:, 0]
    rows: dict[str, dict[str, float | None]] = {}
    for index in range(number):
        row: dict[str, float | None] = {
            "variance_share": float(shares[index]),
            "explained_by_num_words": float(np.corrcoef(scores[:, index], lengths)[0, 1] ** 2),
        }
        for name, label in LABELS.items():
            labels = np.array([label(prompt) or "none" for prompt in prompts])
            row[f"explained_by_{name}"] = _explained(scores[:, index], labels)
        rows[f"component={index + 1}"] = row
    return rows


def _explained(values: Floats, labels: NDArray[np.str_]) -> float:
    """Share of the variance that lies between classes (eta squared)."""
    means = {label: values[labels == label].mean() for label in set(labels)}
    fitted = np.array([means[label] for label in labels])
    return float(fitted.var() / values.var())


def space_checks(rows: Mapping[str, dict[str, float | None]]) -> dict[str, float | None]:
    """The findings as statements: 1.0 if a statement holds, else 0.0."""

    def is_above(row: str, baseline: str) -> float:
        low = rows.get(f"probe={row}", {}).get(f"gain_over_{baseline}_low")
        return float(low is not None and low > 0)

    probes = [row for name, row in rows.items() if name.startswith("probe=")]
    chance = [
        (row["shuffled_accuracy"] or 0.0) - (row["commonest_accuracy"] or 0.0) for row in probes
    ]
    clusters = rows["clusters=embedding"]
    return {
        "nouns_carry_their_color_beyond_a_bag_of_words": is_above(NOUN_COLOR, "bag_of_words"),
        "pooled_embedding_reads_the_relation_beyond_a_bag_of_words": is_above(
            "relation", "bag_of_words"
        ),
        "clusters_agree_with_prompt_types_beyond_chance": float(
            (clusters["kmeans_rand_p"] or 1.0) < 0.05
        ),
        "shuffled_embeddings_read_no_fact": float(max(chance) < 0.1),
    }
