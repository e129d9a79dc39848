import numpy as np
import pytest

from zimage_eval.metric_embedding import TokenVectors, content_slice, cosine_drift, embedding_norm

HEADER = ["<|im_start|>", "user", "Ċ"]
FOOTER = ["<|im_end|>", "Ċ", "<|im_start|>", "assistant", "Ċ"]
CHAT = [*HEADER, "A", "Ġred", "Ġstar", *FOOTER]


def encoded(tokens: list[str], vectors: np.ndarray, ids: list[int] | None = None) -> TokenVectors:
    token_ids = np.array(range(len(tokens)) if ids is None else ids)
    return TokenVectors(tokens, token_ids, vectors.astype(np.float32))


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
    assert tokens[content_slice(tokens)] == content


def test_norm_leaves_out_the_template() -> None:
    vectors = np.full((len(CHAT), 4), 1000.0)
    vectors[3:6] = [[3, 4, 0, 0], [0, 0, 5, 0], [0, 0, 0, 20]]
    assert embedding_norm(encoded(CHAT, vectors)) == pytest.approx(10.0)
    empty = [*HEADER, *FOOTER]
    assert embedding_norm(encoded(empty, np.ones((len(empty), 4)))) is None


def test_drift_depends_on_direction_alone() -> None:
    rng = np.random.default_rng(0)
    baseline = encoded(CHAT, rng.normal(size=(len(CHAT), 8)))
    assert cosine_drift(baseline, baseline) == 0.0
    scaled = encoded(CHAT, baseline.vectors * 3)
    assert cosine_drift(scaled, baseline) == pytest.approx(0.0, abs=1e-7)
    flipped = encoded(CHAT, -baseline.vectors)
    assert cosine_drift(flipped, baseline) == pytest.approx(2.0, abs=1e-7)


def test_drift_of_right_angles_is_one() -> None:
    a = encoded(["x", "y"], np.array([[1.0, 0.0], [0.0, 2.0]]))
    b = encoded(["x", "y"], np.array([[0.0, 3.0], [1.0, 0.0]]))
    assert cosine_drift(a, b) == pytest.approx(1.0)


def test_drift_compares_the_beginning_that_both_have() -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 8))
    whole = encoded(list("abcdef"), vectors)
    assert cosine_drift(encoded(list("abcd"), vectors[:4]), whole) == 0.0
    other_end = encoded(list("abcxyz"), -vectors, ids=[0, 1, 2, 90, 91, 92])
    other_end.vectors[:3] = whole.vectors[:3]
    assert cosine_drift(other_end, whole) == 0.0
    nothing_shared = encoded(list("xbcdef"), vectors, ids=[90, 1, 2, 3, 4, 5])
    assert cosine_drift(nothing_shared, whole) is None


def test_drift_needs_one_hidden_size() -> None:
    with pytest.raises(ValueError, match="8, 4"):
        cosine_drift(encoded(["a"], np.ones((1, 8))), encoded(["a"], np.ones((1, 4))))
