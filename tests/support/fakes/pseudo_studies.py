"""Reports put together from the bank, on which every directional verdict is false.

The arms of a study are disjoint seeds of the same prompts, dealt anew for every report, or the
pictures of one seed judged by their own and by swapped prompts, with the two exchanged for a random
half of the prompts: equal on average, far apart on every prompt.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from calibration.study.make_bank import BANK, BANK_METRICS, BANK_SCHEMA
from tests.support.fakes.fake_reports import TRUE_OF_NO_DIFFERENCE, graded, verdicts_of
from zimage_eval.config.params import Phase
from zimage_eval.output.tables import SWAPPED_PROMPTS, read_table
from zimage_eval.questions.claims.study import StudyClaim
from zimage_eval.questions.evidence import Evidence
from zimage_eval.questions.measurements import Measurements, StudyScores
from zimage_eval.questions.terms import AssayRule, SharedTerms

Row = dict[str, Any]
BASELINE = "baseline"
FLIPPED, OTHER_SIDE = "flipped", "other side"
RIVALS = tuple(f"rival {index}" for index in range(1, 6))
JUDGED = tuple(
    name for name in BANK_METRICS if name.startswith(("alignment", "all_facts", "fact_"))
)
Scores = Mapping[str, NDArray[np.float64]]
"""Metric -> (num_prompts, num_seeds); NaN where a prompt says nothing of that kind."""


class Bank(NamedTuple):
    """The committed bank."""

    prompts: list[str]
    categories: list[str]
    own: Scores
    swapped: Scores


def read_bank() -> Bank:
    """Prompts in order of their ids, seeds in order of their numbers."""
    rows = read_table(BANK, BANK_SCHEMA).sort_by(
        [("prompt_id", "ascending"), ("seed", "ascending")]
    )
    of = {
        name: [row for row in rows.to_pylist() if row["variant"] == name]
        for name in (BASELINE, SWAPPED_PROMPTS)
    }
    prompts = sorted({row["prompt_id"] for row in of[BASELINE]})
    categories = {row["prompt_id"]: row["category"] for row in of[BASELINE]}
    scores = [
        {
            metric: np.array([row[metric] for row in arm], np.float64).reshape(len(prompts), -1)
            for metric in BANK_METRICS
        }
        for arm in of.values()
    ]
    return Bank(prompts, [categories[prompt] for prompt in prompts], *scores)


def draw_rows(bank: Bank, rng: np.random.Generator) -> list[Row]:
    """A score table without any effect: 64 prompts x 1 seed to screen, 128 x 2 to confirm."""
    order = rng.permutation(len(bank.prompts))  # of a bank below 192 prompts, some serve in both
    rows = _phase_rows(bank, rng, "screen", order[:64], (BASELINE, *RIVALS), 1)
    return rows + _phase_rows(bank, rng, "confirm", order[-128:], (BASELINE, RIVALS[0]), 2)


def _phase_rows(
    bank: Bank,
    rng: np.random.Generator,
    phase: Phase,
    chosen: NDArray[np.int64],
    arms: Sequence[str],
    num_seeds: int,
) -> list[Row]:
    rows = []
    for prompt in chosen:
        seeds = rng.permutation(bank.own["alignment"].shape[1])
        is_flipped = bool(rng.integers(2))
        for replicate in range(num_seeds):
            first = seeds[replicate]
            sources = {
                arm: (bank.own, seeds[index * num_seeds + replicate])
                for index, arm in enumerate(arms)
            }
            sources[SWAPPED_PROMPTS] = (bank.swapped, first)
            pair = [(bank.own, first), (bank.swapped, first)]
            sources[OTHER_SIDE], sources[FLIPPED] = pair[::-1] if is_flipped else pair
            for arm, (scores, seed) in sources.items():
                row = {
                    "variant": arm,
                    "phase": phase,
                    "prompt_id": bank.prompts[prompt],
                    "category": bank.categories[prompt],
                    "seed": replicate,
                }
                values = {metric: float(scores[metric][prompt, seed]) for metric in BANK_METRICS}
                rows.append(row | values)
    return rows


def claim_of(
    rule: str,
    metric: str,
    phase: Phase,
    rivals: Sequence[str],
    margin: float | None = None,
    category: str | None = None,
) -> StudyClaim:
    """A claim as a question declares it."""
    return StudyClaim(
        rule=rule,
        study="pseudo",
        metric=metric,
        phase=phase,
        rivals=tuple(rivals),
        margin=margin,
        category=category,
    )


TERMS = SharedTerms(
    min_coverage=0.9, assay=AssayRule(variant=SWAPPED_PROMPTS, metric="alignment", margin=0.1)
)
ONE = RIVALS[:1]
CLAIMS = (
    claim_of("best_of_grid", "alignment", "screen", RIVALS),
    claim_of("all_worse", "alignment", "screen", RIVALS),
    claim_of("some_better", "alignment", "screen", RIVALS),
    claim_of("all_worse", "alignment", "confirm", ONE),
    claim_of("no_difference", "alignment", "confirm", ONE),
    claim_of("all_worse", "all_facts", "confirm", ONE),
    claim_of("all_worse", "fact_relation", "confirm", ONE, category="relation"),
    claim_of("keep", "alignment", "screen", RIVALS),
    claim_of("differs", "all_facts", "screen", RIVALS[:2]),
    claim_of("some_kinds_gain", "alignment", "screen", RIVALS[:2]),
    claim_of("best_by_kind", "alignment", "confirm", ONE),
    claim_of("effect_varies", "alignment", "confirm", ONE),
    claim_of("interaction", "alignment", "screen", RIVALS[:3]),
    claim_of("no_difference", "saturation", "screen", RIVALS[:3]),
    # Next to a margin of 0, and where only a direction is asked for, a null is held at 5 % exactly.
    claim_of("no_difference", "sharpness", "confirm", ONE, margin=1e-4),
    claim_of("higher", "edge_density", "screen", ONE),
    claim_of("lower", "high_frequency_share", "confirm", ONE),
)
FLIPS = (
    claim_of("all_worse", "alignment", "screen", (FLIPPED,)),
    claim_of("all_worse", "all_facts", "confirm", (FLIPPED,)),
    claim_of("best_of_grid", "fact_color", "screen", (FLIPPED,)),
    claim_of("no_difference", "alignment", "confirm", (FLIPPED,)),
)
"""Of two arms whose prompts were exchanged by a coin; the other side stands for the baseline."""


def weigh(claims: Sequence[StudyClaim], rows: Sequence[Row], baseline: str) -> list[Evidence]:
    """The evidence on claims in a score table, as the stage weighs it."""
    studies = {"pseudo": StudyScores(rows, baseline)}
    measured = Measurements(studies=studies, observations={}, results={}, terms=TERMS)
    return [claim.weigh(measured) for claim in claims]


def decide(weighed: Sequence[Evidence]) -> list[str]:
    """The graded headlines of such a report, by the rules of every report."""
    return [graded(verdict) for verdict in verdicts_of(weighed)]


def is_false(word: str) -> bool:
    """Whether a graded word is wrong where no arm differs."""
    return word not in TRUE_OF_NO_DIFFERENCE
