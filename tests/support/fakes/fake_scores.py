"""Scores and judged facts of a study that never ran."""

import numpy as np
import pandas as pd

from calibration.scorecard.find_answers import Search

SEARCH = Search(study="layers", metric="alignment", options={"a": "-1", "b": "-2", "c": "-3"})
NUM_PROMPTS = 64
NUM_FACTS = 4


def facts_of(means: dict[str, float], num_seeds: int = 1, seed: int = 0) -> pd.DataFrame:
    """Four facts a picture, each of which holds as often as the variant's mean says."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "variant": variant,
            "phase": "screen",
            "prompt_id": f"p{prompt:03d}",
            "seed": 10 * prompt + number,
            "fact": f"shape {fact}",
            "held": bool(rng.random() < mean),
        }
        for variant, mean in means.items()
        for prompt in range(NUM_PROMPTS)
        for number in range(num_seeds)
        for fact in range(NUM_FACTS)
    )


def scores_of(means: dict[str, float], num_seeds: int = 1, seed: int = 0) -> pd.DataFrame:
    """Shares of these facts by picture."""
    facts = facts_of(means, num_seeds, seed).rename(columns={"held": "alignment"})
    key = ["variant", "phase", "prompt_id", "seed"]
    return facts.groupby(key, as_index=False)["alignment"].mean()
