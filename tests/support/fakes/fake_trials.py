"""Judged trials with any share of facts that hold."""

import numpy as np

from zimage_eval.benchmarks.prompts.trial_tables import JudgedTrial
from zimage_eval.benchmarks.prompts.trials import PROMPT_SET, Trial
from zimage_eval.prompts.facts import Facts, ObjectFact
from zimage_eval.prompts.scenes.world import COLORS, SHAPES

NUM_FACTS = 100


def sentences(number: int, rng: np.random.Generator) -> list[str]:
    """Captions of one to three objects."""
    texts = []
    for _ in range(number):
        things = [
            f"a {rng.choice([c for c in COLORS if c != 'orange'])} {rng.choice(SHAPES)}"
            for _ in range(rng.integers(1, 4))
        ]
        texts.append(" and ".join(filter(None, [", ".join(things[:-1]), things[-1]])))
    return texts


def judged_trial(
    name: str, text: str, share: float, group: str = PROMPT_SET, level: str = "object"
) -> JudgedTrial:
    """A trial of one seed, of whose facts that share holds, to 1 %."""
    facts = Facts(objects=(ObjectFact(name="star", color="red"),))
    held = {f"fact {index}": index < round(share * NUM_FACTS) for index in range(NUM_FACTS)}
    return JudgedTrial(Trial(name, group, level, text, facts, (0,)), {0: held})


def seeded_trial(
    name: str, successes: list[bool], group: str = PROMPT_SET, level: str = "object"
) -> JudgedTrial:
    """A trial with a picture a seed, whose single relation holds or not."""
    facts = Facts(objects=(ObjectFact(name="star", color="red"),))
    held = {seed: {"relation 0": success} for seed, success in enumerate(successes)}
    trial = Trial(name, group, level, "a red star", facts, tuple(range(len(successes))))
    return JudgedTrial(trial, held)
