import numpy as np
from zimage_eval.questions.rules.depends_on_category import depends_on_category

from tests.support.fakes.fake_reports import at_most, compare
from zimage_eval.questions.contrasts import Assay, Contrast

NUM_PROMPTS = 64
CATEGORIES = {f"p{i:02d}": "abcd"[i % 4] for i in range(NUM_PROMPTS)}


def contrast_of(values: np.ndarray, name: str = "rival") -> Contrast:
    differences = {f"p{i:02d}": float(value) for i, value in enumerate(values)}
    return Contrast(name, "alignment", differences, 1.0, (-1, 1), "higher")


def test_an_effect_in_one_category_alone_is_found_and_named() -> None:
    noise = np.where(np.arange(NUM_PROMPTS) // 4 % 2, 0.1, -0.1)
    one_only = noise - np.where(np.arange(NUM_PROMPTS) % 4 == 2, 0.4, 0.0)
    contrasts = [contrast_of(noise, "even"), contrast_of(one_only, "uneven")]
    evidence = depends_on_category(compare(*contrasts, categories=CATEGORIES))
    assert evidence.p_if_false < 0.001 and evidence.named == ("uneven",)
    assert evidence.p_if_true == 1.0


def test_an_even_effect_is_found_no_more_often_than_by_chance() -> None:
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(100):
        values = -0.3 + rng.choice([-0.2, 0.0, 0.2], NUM_PROMPTS)
        evidence = depends_on_category(compare(contrast_of(values), categories=CATEGORIES))
        found += evidence.p_if_false <= 0.05
    assert at_most(found, 100, 0.05)


def test_categories_that_scatter_differently_have_no_other_effect() -> None:
    """8 prompts of a category that scatters much beside 48 and 48 that hardly do."""
    names = ["a"] * 8 + ["b"] * 48 + ["c"] * 48
    categories = {f"p{i:02d}": name for i, name in enumerate(names)}
    scatter = np.where(np.array(names) == "a", 0.3, 0.1)
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(200):
        values = scatter * rng.choice([-1.0, 1.0], len(names))
        evidence = depends_on_category(compare(contrast_of(values), categories=categories))
        found += evidence.p_if_false <= 0.05
    assert at_most(found, 200, 0.05), found


def test_what_can_not_be_said() -> None:
    values = np.zeros(NUM_PROMPTS)
    constant = depends_on_category(compare(contrast_of(values), categories=CATEGORIES))
    assert constant.p_if_false == 1.0
    alone = dict.fromkeys(CATEGORIES, "a")
    assert (
        "no two categories"
        in depends_on_category(compare(contrast_of(values), categories=alone)).reason
    )
    assay = Assay(is_sensitive=False, reason="blind")
    blind = depends_on_category(compare(contrast_of(values), assay=assay, categories=CATEGORIES))
    assert blind.status == "inconclusive" and blind.reason == "blind"
