import numpy as np
import pandas as pd

from zimage_eval.statistics.estimates import prompt_means
from zimage_eval.studies.score_tables import means_by_prompt, numbers_of, variant_scores


def scores(num_seeds: int) -> pd.DataFrame:
    """Three prompts in an order that is not the alphabet's, a third of the scores missing."""
    rng = np.random.default_rng(num_seeds)
    units = [(prompt, seed) for seed in range(num_seeds) for prompt in ("b", "c", "a")]
    table = pd.DataFrame(units, columns=["prompt_id", "seed"])
    values = rng.normal(size=(len(units), 2))
    values[rng.random(len(units)) < 1 / 3, 0] = np.nan
    table[["alignment", "sharpness"]] = values
    return table.assign(phase="screen", variant="base", none=np.nan)


def test_means_are_those_of_a_list_to_the_last_digit() -> None:
    for num_seeds in range(1, 40):
        table = scores(num_seeds)
        means = means_by_prompt(
            variant_scores(table, "screen")["base"], ["alignment", "sharpness", "none"]
        )
        for metric in ("alignment", "sharpness", "none"):
            expected = prompt_means(
                {
                    (prompt, seed): None if np.isnan(value) else value
                    for prompt, seed, value in zip(
                        table["prompt_id"], table["seed"], table[metric], strict=True
                    )
                }
            )
            assert means[metric].dropna().to_dict() == expected, num_seeds
        assert list(means.index) == ["a", "b", "c"]


def test_variants_keep_their_order_and_phases_are_apart() -> None:
    table = scores(2)
    later = table.assign(variant="a rival")
    confirmed = table.assign(phase="confirm")
    rows = variant_scores(pd.concat([table, confirmed, later]), "screen")
    assert list(rows) == ["base", "a rival"]
    assert rows["base"].index.tolist() == [(p, s) for p in "abc" for s in (0, 1)]
    assert numbers_of(np.array([np.nan, 1.0, np.nan, 0.5])) == [1.0, 0.5]
