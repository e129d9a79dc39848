from collections.abc import Callable

import numpy as np
import pytest

from zimage_eval.config.kinds import TOKEN_CLASSES, TokenClass
from zimage_eval.metrics.embedding import (
    TokenVectors,
    cosine_drift,
    effective_rank,
    linear_cka,
    norm,
    sparsity,
    variance,
)
from zimage_eval.text.chat_format import NO_TOKEN, token_classes

HEADER = ["<|im_start|>", "user", "Ċ"]
FOOTER = ["<|im_end|>", "Ċ", "<|im_start|>", "assistant", "Ċ"]
CHAT = [*HEADER, "A", "Ġred", "Ġstar", *FOOTER]


def encoded(tokens: list[str], vectors: np.ndarray, ids: list[int] | None = None) -> TokenVectors:
    token_ids = np.array(range(len(tokens)) if ids is None else ids)
    return TokenVectors(tokens, token_ids, vectors.astype(np.float32))


def words(vectors: object) -> TokenVectors:
    """Content alone, without a template."""
    array = np.array(vectors, dtype=np.float64)
    return encoded([f"w{index}" for index in range(len(array))], array)


@pytest.mark.parametrize(
    ("tokens", "content"),
    [
        (CHAT, ["A", "Ġred", "Ġstar"]),
        (["<|im_start|>", "system", "Ċ", "Draw", "<|im_end|>", "Ċ", *CHAT], ["A", "Ġred", "Ġstar"]),
        ([*CHAT, "<think>", "ĊĊ", "</think>", "ĊĊ"], ["A", "Ġred", "Ġstar"]),
        ([*HEADER, "A", "Ġred"], ["A", "Ġred"]),  # cut off
        (["A", "Ġred"], ["A", "Ġred"]),  # no template
        ([*HEADER, *FOOTER], []),
    ],
)
def test_content_is_what_the_user_wrote(tokens: list[str], content: list[str]) -> None:
    classes = token_classes([*tokens, "<|endoftext|>", "<|endoftext|>"])
    assert [t for t, c in zip(tokens, classes, strict=False) if c == "content"] == content
    assert classes[len(tokens) :] == ["pad", "pad"]
    assert classes.count("template") == len(tokens) - len(content)


def test_padding_before_the_prompt_is_padding_too() -> None:
    assert token_classes(["<|endoftext|>", *CHAT])[:2] == ["pad", "template"]


def test_each_class_has_its_own_norm() -> None:
    vectors = np.full((len(CHAT) + 1, 4), 1000.0)
    vectors[3:6] = [[3, 4, 0, 0], [0, 0, 5, 0], [0, 0, 0, 20]]
    vectors[-1] = 0
    prompt = encoded([*CHAT, "<|endoftext|>"], vectors)
    assert norm(prompt, "content") == pytest.approx(10.0)
    assert norm(prompt, "template") == pytest.approx(2000.0)
    assert norm(prompt, "pad") == 0.0
    empty = [*HEADER, *FOOTER]
    assert norm(encoded(empty, np.ones((len(empty), 4))), "content") is None


def test_variance_is_over_tokens() -> None:
    assert variance(words([[1, 5], [3, 5]]), "content") == pytest.approx(0.5)
    assert variance(words([[7, 7], [7, 7], [7, 7]]), "content") == 0.0
    assert variance(words([[1, 5]]), "content") is None


def test_sparsity_has_its_ends_and_ignores_scale() -> None:
    assert sparsity(words(np.eye(9) * 4), "content") == pytest.approx(1.0)
    assert sparsity(words([[1, -1, 1, -1], [3, 3, 3, 3]]), "content") == pytest.approx(0.0)
    # one half of four channels: |v|₁ / |v|₂ = √2, and √4 = 2
    assert sparsity(words([[1, 1, 0, 0]]), "content") == pytest.approx(2 - np.sqrt(2))
    assert sparsity(words([[1, 0], [0, 0]]), "content") is None


def test_effective_rank_counts_equal_directions() -> None:
    axes = np.concatenate([np.eye(6), -np.eye(6)])  # centered, six equal singular values
    assert effective_rank(words(axes), "content") == pytest.approx(6.0)
    assert effective_rank(words(axes + 100), "content") == pytest.approx(6.0, abs=1e-4)
    line = np.outer(np.arange(5.0), [1, 2, 3])
    assert effective_rank(words(line), "content") == pytest.approx(1.0)
    assert effective_rank(words(np.ones((5, 3))), "content") is None
    assert effective_rank(words([[1, 2]]), "content") is None


def test_drift_depends_on_direction_alone() -> None:
    rng = np.random.default_rng(0)
    baseline = encoded(CHAT, rng.normal(size=(len(CHAT), 8)))
    assert cosine_drift(baseline, baseline, "content") == 0.0
    scaled = encoded(CHAT, baseline.vectors * 3)
    assert cosine_drift(scaled, baseline, "content") == pytest.approx(0.0, abs=1e-7)
    flipped = encoded(CHAT, -baseline.vectors)
    assert cosine_drift(flipped, baseline, "template") == pytest.approx(2.0, abs=1e-7)
    one = baseline.vectors.copy()
    one[4] *= -1
    assert cosine_drift(encoded(CHAT, one), baseline, "content") == pytest.approx(2 / 3, abs=1e-6)
    assert cosine_drift(encoded(CHAT, one), baseline, "template") == 0.0


def test_drift_of_right_angles_is_one() -> None:
    a, b = words([[1.0, 0.0], [0.0, 2.0]]), words([[0.0, 3.0], [1.0, 0.0]])
    assert cosine_drift(a, b, "content") == pytest.approx(1.0)
    assert cosine_drift(words([[0.0, 0.0]]), words([[1.0, 0.0]]), "content") is None


def test_what_both_begin_with_is_compared() -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 8))
    whole = words(vectors)
    assert cosine_drift(words(vectors[:4]), whole, "content") == 0.0
    other_end = encoded(list("abcxyz"), -vectors, ids=[0, 1, 2, 90, 91, 92])
    other_end.vectors[:3] = whole.vectors[:3]
    assert cosine_drift(other_end, whole, "content") == 0.0
    nothing_shared = encoded(list("xbcdef"), vectors, ids=[90, 1, 2, 3, 4, 5])
    assert cosine_drift(nothing_shared, whole, "content") is None
    assert linear_cka(nothing_shared, whole, "content") is None


def test_content_is_compared_across_templates() -> None:
    """The same words with and without the chat template stand at other positions."""
    vectors = np.random.default_rng(0).normal(size=(len(CHAT), 8))
    ids = list(range(len(CHAT)))
    bare = encoded(CHAT[3:6], vectors[3:6], ids[3:6])
    assert cosine_drift(bare, encoded(CHAT, vectors, ids), "content") == 0.0
    assert cosine_drift(bare, encoded(CHAT, vectors, ids), "template") is None


def test_drift_needs_one_hidden_size() -> None:
    with pytest.raises(ValueError, match="8, 4"):
        cosine_drift(words(np.ones((1, 8))), words(np.ones((1, 4))), "content")


def test_cka_sees_neither_rotation_nor_scale_nor_shift() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(12, 8))
    rotation = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    moved = 3 * vectors @ rotation + 7
    assert linear_cka(words(moved), words(vectors), "content") == pytest.approx(1.0, abs=1e-5)
    wider = np.concatenate([vectors, vectors], axis=1)  # another hidden size
    assert linear_cka(words(wider), words(vectors), "content") == pytest.approx(1.0, abs=1e-5)
    half = np.where(np.arange(12)[:, None] < 6, vectors, rng.normal(size=(12, 8)))
    mixed = linear_cka(words(half), words(vectors), "content")
    assert mixed is not None and 0.1 < mixed < 0.9


def test_cka_of_unrelated_vectors_is_zero_on_average() -> None:
    """Where the plain estimator is near 1: ten tokens, 200 channels."""
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(10, 200)), rng.normal(size=(10, 200))) for _ in range(200)]
    values = [linear_cka(words(a), words(b), "content") for a, b in pairs]
    known = np.array([value for value in values if value is not None])
    assert abs(known.mean()) < 3 * known.std() / np.sqrt(len(known))

    def plain(a: np.ndarray, b: np.ndarray) -> float:
        grams = [(v - v.mean(axis=0)) @ (v - v.mean(axis=0)).T for v in (a, b)]
        return float((grams[0] * grams[1]).sum() / np.prod([np.linalg.norm(g) for g in grams]))

    assert np.mean([plain(a, b) for a, b in pairs]) > 0.9


def test_cka_is_the_published_estimator() -> None:
    """Song et al.'s formula with its vectors of ones, for every pair of Gram matrices."""
    rng = np.random.default_rng(1)
    a, b = (rng.normal(size=(7, 3)).astype(np.float32).astype(np.float64) for _ in range(2))
    ones = np.ones(7)

    def hsic(k: np.ndarray, m: np.ndarray) -> float:
        return float(
            np.trace(k @ m)
            + (ones @ k @ ones) * (ones @ m @ ones) / (6 * 5)
            - 2 * (ones @ k @ m @ ones) / 5
        )

    def gram(v: np.ndarray) -> np.ndarray:
        g = v @ v.T
        return np.asarray(g - np.diag(np.diag(g)))

    k, m = gram(a), gram(b)
    wanted = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert linear_cka(words(a), words(b), "content") == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("vectors", [np.ones((3, 4)), np.ones((6, 4))])
def test_cka_of_few_or_equal_tokens_is_none(vectors: np.ndarray) -> None:
    others = np.random.default_rng(0).normal(size=(6, 4))
    assert linear_cka(words(vectors), words(others), "content") is None


@pytest.mark.parametrize("metric", [norm, variance, sparsity, effective_rank])
def test_no_token_of_a_class_has_no_number(metric: Callable[..., float | None]) -> None:
    assert metric(words(np.ones((3, 4))), "pad") is None


@pytest.mark.parametrize("token_class", TOKEN_CLASSES)
def test_a_vector_of_several_tokens_is_of_no_class(token_class: TokenClass) -> None:
    """Pooled, the words of a prompt may lie in one vector with the template."""
    condensed = encoded(CHAT, np.ones((len(CHAT), 4)), [NO_TOKEN] * len(CHAT))
    assert norm(condensed, token_class) is None
    assert cosine_drift(condensed, condensed, token_class) is None
