"""Each truth of a family beside what was found of it.

A truth is recovered when the set of answers that may be the right one holds it and leaves out at
least half of the grid. One without a consequence that a study could find is not counted.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from calibration.data.truths import Truths
from calibration.scorecard.consequences import Consequence
from calibration.scorecard.find_answers import Found, find_best, find_guidance, grid_of, read_scores
from calibration.scorecard.find_concepts import find_skews
from calibration.scorecard.negative_controls import share_of
from calibration.scorecard.recovery import PlantedSearch, is_narrow, is_recovered
from zimage_eval.benchmarks.concepts.defaults import SCENE_VALUES
from zimage_eval.statistics.estimates import rounded


class Score(NamedTuple):
    """One truth of one family."""

    planted: str
    finding: Found
    num_answers: int
    consequence: Consequence | None
    """None where it was not measured: then the truth counts."""

    @property
    def is_counted(self) -> bool:
        """Whether the truth has a consequence, as far as is known."""
        return self.consequence is None or self.consequence.is_enough

    @property
    def is_recovered(self) -> bool:
        """Whether the answer is in a set that leaves out half of the grid."""
        return is_recovered(self.finding, self.planted, self.num_answers)

    @property
    def chance(self) -> float:
        """That an answer picked at random had been recovered."""
        is_finding = is_narrow(self.finding, self.num_answers)
        return len(self.finding.answers) / self.num_answers if is_finding else 0.0


def planted_answers(truths: Truths) -> dict[str, str]:
    """Search -> the answer that was planted, in the search's words."""
    return {
        "hidden_layer": str(truths.hidden_layer),
        "chat_format": "template" if truths.think_block is None else "empty think block",
        "num_inference_steps": str(truths.turbo.num_inference_steps),
        "schedule": f"{truths.turbo.num_inference_steps} at {truths.turbo.shift}",
        "context_refiner": "needed",
        "rope_theta": f"{truths.rope_theta:g}",
        "quality_word": truths.quality_word,
    }


def score_family(
    truths: Truths,
    searches: Mapping[str, PlantedSearch],
    pairs: Mapping[str, Found],
    folder: Path,
    consequences: Mapping[str, Consequence],
) -> dict[str, Score]:
    """Every truth that was looked for in a folder of scores, named as in `plant_strength`."""
    findings = {}
    for name, planted in searches.items():
        grid = grid_of(read_scores(folder, planted.search.study), planted.search)
        findings[name] = (planted.answer, find_best(grid, planted.search), planted.num_answers)
    nothing = Found((), 0, 0)
    for hole in truths.holes:
        pair = f"{hole.color} {hole.name}"
        if pairs:
            findings[f"hole {pair}"] = (pair, pairs[pair], len(pairs))
    skews = find_skews(folder)
    for attribute in ("color", "background"):
        value = getattr(truths.skews, attribute).value
        if skews:
            num_values = len(SCENE_VALUES[attribute])
            findings[f"skew {attribute}"] = (value, skews.get(attribute, nothing), num_values)
    guidance = find_guidance(folder)
    if guidance is not None:
        findings["guidance_scale"] = (str(float(truths.guidance_scale)), *guidance)
    return {name: Score(*finding, consequences.get(name)) for name, finding in findings.items()}


def total(scores: Sequence[Score]) -> dict[str, Any]:
    """How many that count were recovered, the share's exact interval, and the rate of chance."""
    counted = [score for score in scores if score.is_counted]
    if not counted:
        return {"num_truths": 0, "num_recovered": 0}
    share = share_of(sum(score.is_recovered for score in counted), len(counted))
    return {
        "num_truths": len(counted),
        "num_recovered": share["num"],
        "share": share["share"],
        "low": share["low"],
        "high": share["high"],
        "chance": rounded(float(np.mean([score.chance for score in counted]))),
    }


def card_entry(score: Score) -> dict[str, Any]:
    """A truth as the card has it."""
    finding, consequence = score.finding, score.consequence
    return {
        "planted": score.planted,
        "found": list(finding.answers),
        "recovered": score.is_recovered,
        "has_consequence": None if consequence is None else consequence.is_enough,
        "num_alternatives": None if consequence is None else consequence.num_alternatives,
        "num_alternatives_beaten": None if consequence is None else consequence.num_beaten,
        "measured": finding.measured,
        "value": rounded(finding.estimate.mean),
        "low": rounded(finding.estimate.low),
        "high": rounded(finding.estimate.high),
        "chance": rounded(score.chance),
        "num_prompts": finding.num_prompts,
        "num_images": finding.num_images,
    }
