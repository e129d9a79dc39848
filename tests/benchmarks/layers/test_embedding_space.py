"""Probes of embeddings: what was planted is read, shuffled labels are not, prompts stay whole."""

from typing import Literal

import numpy as np
import pytest

from tests.support.fakes.fake_embeddings import NORM, entry, prompt
from tests.support.graph import ROOT
from zimage_eval.benchmarks.layers.analysis import layer_row
from zimage_eval.benchmarks.layers.embedding_labels import find_mentions, rows_with_common_label
from zimage_eval.benchmarks.layers.embedding_space import (
    cluster_rows,
    direction_rows,
    probe_label,
    probe_prompts,
    probe_rows,
)
from zimage_eval.benchmarks.layers.figures import draw_layer_sizes
from zimage_eval.benchmarks.shared.content_vectors import (
    num_split_words,
    read_caption_norm,
    word_ends,
)
from zimage_eval.config.benchmarks import EmbeddingSpace
from zimage_eval.prompts.sets import Prompt, first_of_each

PARAMS = EmbeddingSpace(
    prompts_per_category=8, num_folds=4, num_permutations=50, least_per_class=8, seed=0
)


def colored_pairs(number: int) -> tuple[list[Prompt], list[np.ndarray]]:
    """ "a red star and a blue ring"; the noun's vector holds its own color."""
    rng = np.random.default_rng(0)
    colors = ["red", "blue", "green", "pink"]
    prompts, vectors = [], []
    for index in range(number):
        one, other = rng.choice(4, 2, replace=False)
        names = rng.choice(["star", "ring", "heart"], 2, replace=False)
        text = f"a {colors[one]} {names[0]} and a {colors[other]} {names[1]}"
        rows = rng.normal(size=(7, 8)) * 0.3
        rows[2, one] += 3
        rows[6, other] += 3
        prompts.append(prompt(f"p{index}", text))
        vectors.append(rows)
    return prompts, vectors


def test_nouns_are_found_with_their_vector_and_bind_beyond_a_bag_of_words() -> None:
    prompts, vectors = colored_pairs(60)
    encoded = [entry(p.text, v) for p, v in zip(prompts, vectors, strict=True)]
    mentions = find_mentions(prompts, encoded, NORM)
    assert len(mentions) == 120
    assert [m.name for m in mentions[:2]] == [fact.name for fact in prompts[0].facts.objects]
    np.testing.assert_allclose(
        mentions[1].vector, NORM(vectors[0].astype(np.float32).astype(np.float64))[6], rtol=1e-5
    )
    means = np.stack([v.mean(axis=0) for v in vectors])
    row = probe_rows(probe_prompts(prompts, means, mentions, PARAMS))["probe=color_of_noun"]
    assert row["embedding_accuracy"] > 0.95  # type: ignore[operator]
    assert row["gain_over_bag_of_words_low"] > 0.2  # type: ignore[operator]
    assert row["shuffled_accuracy"] < 0.45  # type: ignore[operator]


def test_rows_of_a_prompt_are_predicted_from_other_prompts() -> None:
    """A vector that only tells which prompt it is must not tell the label."""
    rng = np.random.default_rng(0)
    units = [f"p{index // 2}" for index in range(80)]
    labels = np.repeat(rng.choice(["a", "b"], 40), 2).tolist()
    identity = np.repeat(rng.normal(size=(40, 64)), 2, axis=0)
    row = probe_rows(probe_label("x", labels, units, {"embedding": identity}, PARAMS))["probe=x"]
    assert row["embedding_accuracy"] < 0.75  # type: ignore[operator]
    low, high = row["embedding_accuracy_low"], row["embedding_accuracy_high"]
    assert low is not None and high is not None and low < 0.5 < high  # 40 prompts of two labels
    assert high - low > 0.25


def test_rare_classes_and_single_ones_are_left_out() -> None:
    labels: list[str | None] = ["a"] * 10 + ["b"] * 3 + [None]
    assert rows_with_common_label(labels, 8) == list(range(10))
    units = [str(index) for index in range(14)]
    assert probe_label("x", labels, units, {"embedding": np.zeros((14, 2))}, PARAMS) == []


@pytest.mark.parametrize(("kind", "is_found"), [("planted", True), ("noise", False)])
def test_clusters_agree_with_planted_types_alone(
    kind: Literal["planted", "noise"], is_found: bool
) -> None:
    rng = np.random.default_rng(0)
    categories = ["object", "count"] * 20
    prompts = [prompt(str(i), "a red star", category) for i, category in enumerate(categories)]
    vectors = rng.normal(size=(40, 5))
    vectors[::2] += 4 * is_found
    row = cluster_rows(prompts, {"embedding": vectors}, PARAMS)["clusters=embedding"]
    assert (row["kmeans_rand_p"] < 0.05) is is_found  # type: ignore[operator]
    assert (row["silhouette_p"] < 0.05) is is_found  # type: ignore[operator]


def test_directions_hold_up_on_held_out_prompts_if_planted() -> None:
    rng = np.random.default_rng(0)
    texts = ["a red star in a frame", "a red star"] * 30
    prompts = [prompt(str(i), text) for i, text in enumerate(texts)]
    vectors = rng.normal(size=(60, 6))
    vectors[::2, 2] += 4
    row = direction_rows(prompts, vectors, PARAMS)["direction=style=framed"]
    assert row["auc"] > 0.95 and row["halves_cosine"] > 0.8  # type: ignore[operator]
    assert 0.2 < row["auc_shuffled"] < 0.8  # type: ignore[operator]


def test_words_of_several_tokens_count_once() -> None:
    one = entry("a red star", np.zeros((3, 8)))
    assert (word_ends(one), num_split_words(one)) == ([0, 1, 2], 0)
    tokens = [*one.tokens[:4], "d", *one.tokens[5:]]  # "a" goes on with "d"
    split = one._replace(tokens=tokens)
    assert (word_ends(split), num_split_words(split)) == ([1, 2], 1)


def test_an_outlier_channel_is_counted() -> None:
    vectors = np.random.default_rng(0).normal(size=(4, 8))
    vectors[:, 5] += 100
    row = layer_row([entry("a red star here", vectors)])
    assert row["outlier_channels"] == 1
    assert row["largest_channel_share"] > 0.9  # type: ignore[operator]


def test_the_first_of_each_category_are_taken_in_order() -> None:
    prompts = [prompt(str(i), "a red star", c) for i, c in enumerate("aabbb")]
    assert [p.id for p in first_of_each(prompts, 2)] == ["0", "1", "2", "3"]


def test_the_norm_is_read_as_the_transformer_applies_it() -> None:
    torch = pytest.importorskip("torch")
    norm = read_caption_norm(ROOT / "models/nano/transformer")
    from diffusers.models.normalization import RMSNorm

    own = RMSNorm(len(norm.weight), eps=norm.eps)
    own.weight.data = torch.from_numpy(norm.weight).float()
    vectors = torch.randn(3, len(norm.weight), generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(
        norm(vectors.double().numpy()), own(vectors).detach().numpy(), rtol=1e-4, atol=1e-5
    )


def test_the_figure_of_layers_has_them_in_order_and_leaves_out_what_is_missing() -> None:
    def row(norm: float, template: float | None) -> dict[str, float | None]:
        return {
            "norm_content": norm,
            "norm_template": template,
            "norm_first_token_over_content": 2.0,
            "largest_channel_share": 0.1,
            "outlier_channels": 1.0,
        }

    rows = {f"layer={k}": row(k + 1.0, None if k == 1 else 3.0) for k in (10, 1, 0)}
    left, _, right = draw_layer_sizes(rows | {"checks": {"holds": 1.0}}).axes
    words, template, first = (np.asarray(line.get_ydata()) for line in left.lines)
    assert np.asarray(left.lines[0].get_xdata()).tolist() == [0, 1, 10]
    assert words.tolist() == [1, 2, 11]
    assert first.tolist() == [2, 4, 22]
    assert np.isnan(template).tolist() == [False, True, False]
    assert np.asarray(right.lines[0].get_ydata()).tolist() == [1, 1, 1]
