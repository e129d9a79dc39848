"""Whether the study found what was planted: `python -m calibration.scorecard`.

This alone reads the planted answers, after everything was found without them.

    calibration/results/<family>/, calibration/{truths*,searches}.yaml,
    calibration/plant_strength*.json -> metrics/calibration.json

Families without results are left out.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from calibration.data.truths import Truths, load_truths
from calibration.scorecard.consequences import Consequence, read_consequences
from calibration.scorecard.find_answers import Search, has_scores, load_searches
from calibration.scorecard.find_concepts import find_pairs, read_pairs
from calibration.scorecard.negative_controls import (
    even_size,
    false_flags,
    found_in_shuffled,
    neutral_words,
)
from calibration.scorecard.recovery import Asked, Size, by_judge, by_pictures, by_size
from calibration.scorecard.truth_scores import planted_answers, score_family, shown, total
from zimage_eval.config.benchmarks import need
from zimage_eval.config.params import load_params, phases_of_role

SIZES = (Size(32, 2), Size(128, 2), Size(512, 2))
"""Beside the default, which params.yaml says."""
PICTURES = (12, 18, 36)
"""Of each pair of name and color; beside the default."""


class Defaults(NamedTuple):
    """What params.yaml has the study draw."""

    size: Size
    """Screened prompts and seeds."""
    num_pictures: int
    """Of each pair that the probe of concepts asks for."""
    level: float
    """Of the probe's flags."""


def scorecard(
    families: Mapping[str, Truths],
    results: Path,
    calibration: Path,
    concepts: Path,
    defaults: Defaults,
) -> dict[str, Any]:
    """Everything by family: each truth, the total, recovery under worse conditions, controls.

    Args:
        families: what was planted, by name.
        results: a folder of scores a family.
        calibration: holds searches.yaml and, where measured, plant_strength*.json.
        concepts: the prompt set of the probe of concepts.
        defaults: of params.yaml.

    Raises:
        ValueError: a family has no scores of any study that is searched.
    """
    searches = load_searches(calibration / "searches.yaml")
    consequences = read_consequences(calibration)
    return {
        name: family_card(
            truths, results / name, searches, consequences.get(name, {}), concepts, defaults
        )
        for name, truths in families.items()
    }


def family_card(
    truths: Truths,
    folder: Path,
    searches: Mapping[str, Search],
    consequences: Mapping[str, Consequence],
    concepts: Path,
    defaults: Defaults,
) -> dict[str, Any]:
    """One family's part; searches in studies without scores are named under `not_run`."""
    planted = planted_answers(truths)
    known = {key: one for key, one in searches.items() if has_scores(folder, one.study)}
    asked = {key: Asked(one, planted[key], folder) for key, one in known.items()}
    held = read_pairs(folder, concepts)
    pairs = find_pairs(held, defaults.level) if held else {}
    scores = score_family(truths, asked, pairs, folder, consequences)
    if not scores:
        raise ValueError(f"{folder}: no scores of any study that is searched")
    counted = {key: one for key, one in asked.items() if scores[key].is_counted}
    holes = [f"{hole.color} {hole.name}" for hole in truths.holes]
    missing = next(iter(pairs.values())).answers if pairs else ()
    quality = known.get("quality_word")
    pictures = sorted({defaults.num_pictures, *PICTURES})
    return {
        "truths": {truth: shown(one) for truth, one in scores.items()},
        "total": total(list(scores.values())),
        "default_size": str(defaults.size),
        "by_size": by_size(asked, sorted({*SIZES, defaults.size})),
        "default_pictures": defaults.num_pictures,
        "by_pictures": by_pictures(held, holes, pictures, defaults.level),
        "by_judge": by_judge(counted),
        "found_in_shuffled": found_in_shuffled(known, folder),
        "neutral_words": neutral_words(truths, quality, folder) if quality else {},
        "false_flags": false_flags(truths, missing) if held else {},
        "even_size": even_size(folder),
        "not_run": sorted(searches.keys() - known.keys()),
    }


def read_defaults(path: Path) -> Defaults:
    """What params.yaml has the study draw."""
    params = load_params(path)
    screen, concepts = params.phases.screen, phases_of_role(params, "concepts")
    return Defaults(
        Size(screen.num_prompts, screen.num_seeds),
        concepts.screen.num_seeds + concepts.confirm.num_seeds,
        need(params.benchmarks.probe_concepts, "probe_concepts").level,
    )


def main() -> None:
    """Read the arguments, score every family that has results, write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("calibration/results"))
    parser.add_argument(
        "--truths", type=Path, nargs="+", default=sorted(Path("calibration").glob("truths*.yaml"))
    )
    parser.add_argument("--calibration", type=Path, default=Path("calibration"))
    parser.add_argument("--concepts", type=Path, default=Path("prompts/scene_concepts"))
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--out", type=Path, default=Path("metrics/calibration.json"))
    arguments = parser.parse_args()
    planted = [load_truths(path) for path in arguments.truths]
    families = {one.name: one for one in planted if (arguments.results / one.name).is_dir()}
    if not families:
        raise ValueError(f"{arguments.results}: no results of {[one.name for one in planted]}")
    defaults = read_defaults(arguments.params)
    folders = arguments.results, arguments.calibration, arguments.concepts
    card = scorecard(families, *folders, defaults)
    text = json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False)
    arguments.out.write_text(text + "\n", encoding="utf-8")
    for name, one in card.items():
        for truth, row in one["truths"].items():
            verdict = "recovered" if row["recovered"] else "not recovered"
            counts = "" if row["has_consequence"] in (None, True) else " (no consequence)"
            found = ", ".join(row["found"]) or "nothing"
            print(f"{name}: {truth}: planted {row['planted']}, found {found}: {verdict}{counts}")
        print(f"{name}: {one['total']}, not run: {', '.join(one['not_run']) or 'nothing'}")


if __name__ == "__main__":
    main()
