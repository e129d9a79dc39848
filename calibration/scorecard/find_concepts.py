"""What the probe of concepts finds in a family: pairs that are missing, and what comes unasked.

Nothing here reads the planted answers or a model's declared defaults.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from calibration.scorecard.find_answers import Found
from zimage_eval.benchmarks.concepts.gaps import ConceptPair, Gap, find_gaps
from zimage_eval.benchmarks.concepts.probe import flagged_gaps, outcomes_by_cell
from zimage_eval.config.params import PHASES
from zimage_eval.output.results import read_results
from zimage_eval.prompts.sets import load_prompt_set
from zimage_eval.statistics.estimates import Estimate

Held = Mapping[ConceptPair, Sequence[bool]]
"""Name and color -> whether each picture of the pair shows it."""


def read_pairs(folder: Path, prompts: Path) -> Held:
    """The pairs that a family was asked for; empty without a probe.

    Args:
        folder: of the family's scores.
        prompts: the prompt set of the probe.
    """
    path = folder / "facts" / "concept_probe.parquet"
    if not path.is_file():
        return {}
    facts = {
        (str(phase), prompt.id): prompt.facts
        for prompt in load_prompt_set(prompts)
        for phase in PHASES
    }
    return outcomes_by_cell(pd.read_parquet(path), facts)


def word_pair(gap: Gap) -> str:
    """A pair as it is said: its color, then its name."""
    return f"{gap.cell[1]} {gap.cell[0]}"


def find_missing(held: Held, level: float) -> tuple[str, ...]:
    """The pairs that are flagged as missing, at a family-wise error rate."""
    return tuple(word_pair(gap) for gap in flagged_gaps(find_gaps(held), level))


def find_pairs(held: Held, level: float) -> dict[str, Found]:
    """Each pair beside what its name and its color make expect; all have the flagged ones found."""
    gaps = find_gaps(held)
    missing = tuple(word_pair(gap) for gap in flagged_gaps(gaps, level))
    num_images = sum(gap.num_images for gap in gaps)
    findings = {}
    for gap in gaps:
        words = "share" if gap.expected is None else f"share, {gap.expected:.2f} expected"
        share = Estimate(0, gap.share, None, None)
        findings[word_pair(gap)] = Found(missing, 0, num_images, words, share)
    return findings


def find_skews(folder: Path) -> dict[str, Found]:
    """Attribute -> its value that is too common where none is said; empty without a probe."""
    path = folder / "probe_concepts.json"
    if not path.is_file():
        return {}
    rows = read_results(path)["probe_concepts"]
    skews = {}
    for row, numbers in rows.items():
        if row.startswith("default "):
            attribute, _, value = row.removeprefix("default ").partition(" ")
            share = [numbers.get(key) for key in ("share", "share_low", "share_high")]
            kept = (value,) if numbers["is_skewed"] else ()
            num_images = int(numbers.get("num_images") or 0)
            estimate = Estimate(0, *share)
            skews[attribute] = Found(kept, 0, num_images, f"share of {value}", estimate)
    return skews
