"""What prompt embeddings hold: clusters, facts that a linear probe reads, directions, layers."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_score

from zimage_eval.benchmarks.layers.embedding_labels import LABELS, Mention, applicable
from zimage_eval.benchmarks.shared.content_vectors import Floats
from zimage_eval.config.benchmarks import EmbeddingSpace
from zimage_eval.output.observations import Measurement
from zimage_eval.prompts.sets import Prompt
from zimage_eval.statistics.held_out import (
    area_under_curve,
    bag_of_words,
    folds,
    held_out_classes,
    num_words,
)
from zimage_eval.statistics.studentized import mean_test

OF_NOUN: Final = "color_of_noun"


def standardized(vectors: Floats) -> Floats:
    """Each channel with mean 0 and deviation 1, or 0 where it is constant."""
    spread = vectors.std(axis=0)
    return (vectors - vectors.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def cluster_rows(
    prompts: Sequence[Prompt], vectors: Mapping[str, Floats], params: EmbeddingSpace
) -> dict[str, dict[str, float | None]]:
    """How well clusters agree with the prompts' categories, against shuffled categories.

    Args:
        prompts: of several categories.
        vectors: `(prompts, features)` by name of the representation.
        params: of the benchmark.
    """
    categories = np.array([prompt.category for prompt in prompts])
    num_clusters = len(set(categories))
    rng = np.random.default_rng(params.seed)
    shuffled = [rng.permutation(categories) for _ in range(params.num_permutations)]
    rows: dict[str, dict[str, float | None]] = {}
    for name, found in vectors.items():
        seen = standardized(found)
        kmeans = KMeans(num_clusters, n_init=10, random_state=params.seed).fit_predict(seen)
        tree = AgglomerativeClustering(num_clusters).fit_predict(seen)
        row: dict[str, float | None] = {"num_prompts": len(prompts)}
        for key, score in {
            "kmeans_rand": lambda labels, found=kmeans: adjusted_rand_score(labels, found),
            "agglomerative_rand": lambda labels, found=tree: adjusted_rand_score(labels, found),
            "silhouette": lambda labels, seen=seen: silhouette_score(seen, labels),
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
    """Whether each row's label is predicted right, from each input, on prompts held out.

    Args:
        name: of what is predicted.
        labels: one a row; rows without, or of a rare class, are left out.
        units: the prompt of each row, which is never split.
        inputs: `(rows, features)` by name; `commonest` and `shuffled` are added.
        params: of the benchmark.

    Returns:
        None where fewer than two classes are common.
    """
    kept = applicable(labels, params.least_per_class)
    known = np.array([labels[index] for index in kept], dtype=str)
    own_units = [units[index] for index in kept]
    if len(set(known)) < 2:
        return []
    parts = folds(own_units, params.num_folds, params.seed)
    chosen = {key: values[kept] for key, values in inputs.items()}
    first = next(iter(chosen.values()))
    order = np.random.default_rng(params.seed).permutation(len(kept))
    chosen |= {"commonest": np.zeros((len(kept), 0)), "shuffled": first[order]}
    found = []
    for key, values in chosen.items():
        right = held_out_classes(values, known, parts) == known
        seen: dict[str, int] = {}
        for unit, is_right in zip(own_units, right, strict=True):
            seen[unit] = seen.get(unit, -1) + 1
            found.append(Measurement(key, unit, seen[unit], name, "correct", float(is_right)))
    return found


def probe_prompts(
    prompts: Sequence[Prompt],
    pooled: Floats,
    mentions: Sequence[Mention],
    params: EmbeddingSpace,
) -> list[Measurement]:
    """Every label of `LABELS` from the mean vector, and each noun's color from its own vector.

    Baselines are a bag of the prompt's words and its length; for a noun, also which noun it is.
    """
    texts, units = [p.text for p in prompts], [p.id for p in prompts]
    inputs = {"embedding": pooled, "bag_of_words": bag_of_words(texts), "length": num_words(texts)}
    found = []
    for name, label in LABELS.items():
        found += probe_label(name, [label(prompt) for prompt in prompts], units, inputs, params)
    if mentions:
        said = [mention.text for mention in mentions]
        nouns = bag_of_words([mention.name for mention in mentions])
        inputs = {
            "embedding": np.stack([mention.vector for mention in mentions]),
            "bag_of_words": np.concatenate([bag_of_words(said), nouns], axis=1),
            "length": num_words(said),
        }
        colors = [mention.color for mention in mentions]
        found += probe_label(OF_NOUN, colors, [m.prompt_id for m in mentions], inputs, params)
    return found


def probe_rows(observations: Sequence[Measurement]) -> dict[str, dict[str, float | None]]:
    """By label, the accuracy of each input, and what the embedding gains over each, by prompt."""
    values: dict[str, dict[str, dict[str, list[float]]]] = {}
    for seen in observations:
        assert seen.value is not None
        by_unit = values.setdefault(seen.category, {}).setdefault(seen.variant, {})
        by_unit.setdefault(seen.unit, []).append(seen.value)
    rows: dict[str, dict[str, float | None]] = {}
    for label, by_input in values.items():
        means = {key: {u: float(np.mean(v)) for u, v in m.items()} for key, m in by_input.items()}
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
            pivot = mean_test(gains, (-1, 1))
            low, high = pivot.interval(0.95) if pivot else (None, None)
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
    """Differences of means for each style, background and relation, and where they hold up.

    `halves_cosine` is between the directions of two halves of the prompts; `auc` tells held-out
    prompts with the value from those without by their place along the direction; `auc_length` by
    the number of words.
    """
    seen = standardized(pooled)
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
            one, other = (_direction(seen[half], has[half]) for half in halves)
            rows[f"direction={kind}={value}"] = {
                "num_with": int(has.sum()),
                "halves_cosine": float(one @ other),
                "auc": area_under_curve(_places(seen, has, parts), has),
                "auc_shuffled": area_under_curve(_places(seen[order], has, parts), has),
                "auc_length": area_under_curve(lengths, has),
            }
    return rows


def _direction(vectors: Floats, has: NDArray[np.bool_]) -> Floats:
    """`(channels,)` of length 1."""
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
    """Principal components: share of the variance, and of it what length and labels explain."""
    pca = PCA(number).fit(standardized(pooled))
    scores = pca.transform(standardized(pooled))
    lengths = num_words([prompt.text for prompt in prompts])[:, 0]
    rows: dict[str, dict[str, float | None]] = {}
    for index in range(number):
        row: dict[str, float | None] = {
            "variance_share": float(pca.explained_variance_ratio_[index]),
            "explained_by_num_words": float(np.corrcoef(scores[:, index], lengths)[0, 1] ** 2),
        }
        for name, label in LABELS.items():
            labels = np.array([label(prompt) or "none" for prompt in prompts])
            row[f"explained_by_{name}"] = _explained(scores[:, index], labels)
        rows[f"component={index + 1}"] = row
    return rows


def _explained(values: Floats, labels: NDArray[np.str_]) -> float:
    """Share of the variance between classes (eta squared)."""
    means = {label: values[labels == label].mean() for label in set(labels)}
    fitted = np.array([means[label] for label in labels])
    return float(fitted.var() / values.var())


def space_checks(rows: Mapping[str, dict[str, float | None]]) -> dict[str, float | None]:
    """By statement, 1.0 where it holds."""

    def is_above(row: str, baseline: str) -> float:
        low = rows.get(f"probe={row}", {}).get(f"gain_over_{baseline}_low")
        return float(low is not None and low > 0)

    probes = [row for name, row in rows.items() if name.startswith("probe=")]
    chance = [
        (row["shuffled_accuracy"] or 0.0) - (row["commonest_accuracy"] or 0.0) for row in probes
    ]
    own = rows["clusters=embedding"]
    return {
        "nouns_carry_their_color_beyond_a_bag_of_words": is_above(OF_NOUN, "bag_of_words"),
        "pooled_embedding_reads_the_relation_beyond_a_bag_of_words": is_above(
            "relation", "bag_of_words"
        ),
        "clusters_agree_with_prompt_types_beyond_chance": float(
            (own["kmeans_rand_p"] or 1.0) < 0.05
        ),
        "shuffled_embeddings_read_no_fact": float(max(chance) < 0.1),
    }
