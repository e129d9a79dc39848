"""Whether the study found what was planted: `python -m calibration.scorecard`.

Answers are first looked for in the scores, by code that can't read what was planted; here they are
held to it.

    calibration/families/<family>/{truths.yaml,strength.json,results/}, calibration/searches.yaml
    -> metrics/calibration.json

Families without results are left out.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from calibration.scorecard.families import FamilyRecord, committed_families, read_family
from calibration.scorecard.find_answers import Search, has_scores, load_searches
from calibration.scorecard.find_concepts import find_pairs, read_pairs
from calibration.scorecard.negative_controls import (
    even_size,
    false_flags,
    found_in_shuffled,
    neutral_words,
)
from calibration.scorecard.recovery import PlantedSearch, Size, by_judge, by_pictures, by_size
from calibration.scorecard.truth_scores import card_entry, planted_answers, score_family, total
from zimage_eval.config.benchmarks import need
from zimage_eval.config.params import load_params, phases_of_role
from zimage_eval.output.results import write_json

SIZES = (Size(32, 2), Size(128, 2), Size(512, 2))
"""Beside the default, which params.yaml says."""
FAMILIES = Path("calibration/families")
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
    families: Sequence[FamilyRecord],
    searches: Mapping[str, Search],
    concepts: Path,
    defaults: Defaults,
) -> dict[str, Any]:
    """Everything by family: each truth, the total, recovery under worse conditions, controls.

    Args:
        families: what was planted, and the scores.
        searches: where each answer is looked for.
        concepts: the prompt set of the probe of concepts.
        defaults: of params.yaml.

    Raises:
        ValueError: a family has no scores of any study that is searched.
    """
    return {
        family.truths.name: family_card(family, searches, concepts, defaults) for family in families
    }


def family_card(
    family: FamilyRecord, searches: Mapping[str, Search], concepts: Path, defaults: Defaults
) -> dict[str, Any]:
    """One family's part; searches in studies without scores are named under `not_run`."""
    truths, folder = family.truths, family.results
    planted = planted_answers(truths)
    scored = {key: search for key, search in searches.items() if has_scores(folder, search.study)}
    looked_for = {key: PlantedSearch(scored[key], planted[key], folder) for key in scored}
    held = read_pairs(folder, concepts)
    pairs = find_pairs(held, defaults.level) if held else {}
    scores = score_family(truths, looked_for, pairs, folder, family.consequences)
    if not scores:
        raise ValueError(f"{folder}: no scores of any study that is searched")
    counted = {key: search for key, search in looked_for.items() if scores[key].is_counted}
    holes = [f"{hole.color} {hole.name}" for hole in truths.holes]
    missing = next(iter(pairs.values())).answers if pairs else ()
    quality = scored.get("quality_word")
    pictures = sorted({defaults.num_pictures, *PICTURES})
    return {
        "truths": {truth: card_entry(score) for truth, score in scores.items()},
        "total": total(list(scores.values())),
        "default_size": str(defaults.size),
        "by_size": by_size(looked_for, sorted({*SIZES, defaults.size})),
        "default_pictures": defaults.num_pictures,
        "by_pictures": by_pictures(held, holes, pictures, defaults.level),
        "by_judge": by_judge(counted),
        "found_in_shuffled": found_in_shuffled(scored, folder),
        "neutral_words": neutral_words(truths, quality, folder) if quality else {},
        "false_flags": false_flags(truths, missing) if held else {},
        "even_size": even_size(folder),
        "not_run": sorted(searches.keys() - scored.keys()),
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


def read_families(truths: Sequence[Path], results: Path | None) -> list[FamilyRecord]:
    """The families that have results.

    Args:
        truths: files of planted answers; those of all committed families if there are none.
        results: holds a folder of scores a family, by its name; each family's own if None.

    Raises:
        ValueError: no family has results.
    """
    families = [read_family(path) for path in truths] or committed_families(FAMILIES)
    if results is not None:
        families = [family._replace(results=results / family.truths.name) for family in families]
    studied = [family for family in families if family.results.is_dir()]
    if not studied:
        names = [family.truths.name for family in families]
        raise ValueError(f"{results or FAMILIES}: no results of {names}")
    return studied


def print_card(card: Mapping[str, Any]) -> None:
    """A line for each truth, and one for each family."""
    for name, part in card.items():
        for truth, row in part["truths"].items():
            verdict = "recovered" if row["recovered"] else "not recovered"
            counts = "" if row["has_consequence"] in (None, True) else " (no consequence)"
            answers = ", ".join(row["found"]) or "nothing"
            print(f"{name}: {truth}: planted {row['planted']}, found {answers}: {verdict}{counts}")
        print(f"{name}: {part['total']}, not run: {', '.join(part['not_run']) or 'nothing'}")


def main() -> None:
    """Read the arguments, score every family that has results, write the card."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration.scorecard",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--truths",
        type=Path,
        nargs="+",
        default=[],
        help="planted answers of a family, a file each (default: all of calibration/families)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        help="folder that holds scores, a folder a family (default: results/ beside the truths)",
    )
    parser.add_argument(
        "--searches",
        type=Path,
        default=Path("calibration/searches.yaml"),
        help="where each answer is looked for (default: %(default)s)",
    )
    parser.add_argument(
        "--concepts",
        type=Path,
        default=Path("prompts/scene_concepts"),
        help="prompts of the study concept_probe (default: %(default)s)",
    )
    parser.add_argument(
        "--params",
        type=Path,
        default=Path("params.yaml"),
        help="says how much a study draws by default (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("metrics/calibration.json"),
        help="the scorecard (default: %(default)s)",
    )
    arguments = parser.parse_args()
    families = read_families(arguments.truths, arguments.results)
    searches, defaults = load_searches(arguments.searches), read_defaults(arguments.params)
    card = scorecard(families, searches, arguments.concepts, defaults)
    write_json(arguments.out, card, indent=1, sort_keys=False)
    print_card(card)


if __name__ == "__main__":
    main()
