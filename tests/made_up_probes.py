"""Judged probes with any share of facts that hold."""

import numpy as np

from zimage_eval.facts import Facts, ObjectFact
from zimage_eval.probe_tables import JudgedProbe
from zimage_eval.probes import PROMPT_SET, Probe
from zimage_eval.scenes import COLORS, SHAPES

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


def judged_probe(
    name: str, text: str, share: float, group: str = PROMPT_SET, level: str = "object"
) -> JudgedProbe:
    """A probe of one seed, of whose facts that share holds, to 1 %."""
    facts = Facts(objects=(ObjectFact(name="star", color="red"),))
    held = {f"fact {index}": index < round(share * NUM_FACTS) for index in range(NUM_FACTS)}
    return JudgedProbe(Probe(name, group, level, text, facts, (0,)), {0: held})


def seeded_probe(
    name: str, successes: list[bool], group: str = PROMPT_SET, level: str = "object"
) -> JudgedProbe:
    """A probe with a picture a seed, whose single relation holds or not."""
    facts = Facts(objects=(ObjectFact(name="star", color="red"),))
    held = {seed: {"relation 0": success} for seed, success in enumerate(successes)}
    probe = Probe(name, group, level, "a red star", facts, tuple(range(len(successes))))
    return JudgedProbe(probe, held)
