"""Whether the study found what was planted: `python -m calibration.scorecard`.

This alone reads the planted answers. A truth is recovered when the set of answers that may be the
best one holds it and leaves out at least half of the grid.

    calibration/results/<family>/, calibration/{truths*,searches}.yaml -> metrics/calibration.json

Families without results are left out.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from calibration.find_answers import (
    Found,
    Search,
    count_probed,
    find_best,
    find_flags,
    find_guidance,
    has_scores,
    load_searches,
    read_scores,
    thin,
    with_flipped_judge,
)
from calibration.truths import Truths, load_truths
from zimage_eval.concept_defaults import SCENE_VALUES
from zimage_eval.scenes import COLORS, NAMES
from zimage_eval.statistics import rounded

NUM_DRAWS = 10
SIZES = (32, 128, 512)
"""Prompts that are drawn from those that were scored."""
WRONG = (0.05, 0.10, 0.20)
"""Shares of the judge's answers that are turned round."""
SEED = 20_261_125


class Score(NamedTuple):
    """One truth of one family."""

    planted: str
    found: tuple[str, ...]
    leader: str | None
    recovered: bool
    chance: float
    """That an answer picked at random had been recovered."""
    num_prompts: int


def planted_answers(truths: Truths) -> dict[str, str]:
    """Search -> the answer that was planted, in the search's words."""
    return {
        "hidden_layer": str(truths.hidden_layer),
        "chat_format": "template" if truths.think_block is None else "empty think block",
        "num_inference_steps": str(truths.turbo.num_inference_steps),
        "schedule": f"{truths.turbo.num_inference_steps} at {truths.turbo.shift}",
        "refiner": "needed",
        "rope_theta": f"{truths.rope_theta:g}",
        "quality_word": truths.quality_word,
    }


def score(planted: str, found: Found, num_answers: int) -> Score:
    """Hold what was found to what was planted.

    Args:
        planted: the answer.
        found: the set that may be best.
        num_answers: of the search's grid.
    """
    is_narrow = 0 < len(found.answers) <= num_answers / 2
    chance = len(found.answers) / num_answers if is_narrow else 0.0
    recovered = is_narrow and planted in found.answers
    return Score(planted, found.answers, found.leader, recovered, chance, found.num_prompts)


def score_family(truths: Truths, searches: Mapping[str, Search], folder: Path) -> dict[str, Score]:
    """Every truth that a search looks for in the scores of a folder."""
    planted = planted_answers(truths)
    return {
        name: score(planted[name], find_best(read_scores(folder, one.study), one), len(one.options))
        for name, one in searches.items()
    }


def score_flags(truths: Truths, folder: Path) -> dict[str, Score]:
    """The holes and skews that were planted, and the guidance, where the family was probed."""
    flags, scores = find_flags(folder), {}
    if flags:
        missing, num_probed = flags["missing"], count_probed(folder)
        for hole in truths.holes:
            name = f"{hole.color} {hole.name}"
            found = Found(missing, None, {}, num_probed)
            scores[f"missing pair {name}"] = score(name, found, len(COLORS) * len(NAMES))
        for attribute, skew in (
            ("color", truths.skews.color),
            ("background", truths.skews.background),
        ):
            flagged = flags.get(f"skewed {attribute}", ())
            found = Found(flagged, None, {}, num_probed)
            scores[f"unsaid {attribute}"] = score(skew.value, found, len(SCENE_VALUES[attribute]))
    guidance = find_guidance(folder)
    if guidance is not None:
        found, num_scales = guidance
        scores["guidance_scale"] = score(str(float(truths.guidance_scale)), found, num_scales)
    return scores


def false_flags(truths: Truths, folder: Path) -> dict[str, int]:
    """Pairs that are flagged as missing though training showed them; 0 is right."""
    planted = {f"{hole.color} {hole.name}" for hole in truths.holes}
    missing = find_flags(folder).get("missing", ())
    return {"missing_pairs": len(set(missing) - planted)}


def total(scores: Sequence[Score]) -> dict[str, float | None]:
    """How many were recovered, with the exact 95 % interval of the share and the chance rate."""
    num = sum(one.recovered for one in scores)
    interval = stats.binomtest(num, len(scores)).proportion_ci(0.95, "exact")
    return {
        "num_truths": len(scores),
        "num_recovered": num,
        "share": rounded(num / len(scores)),
        "low": rounded(interval.low),
        "high": rounded(interval.high),
        "chance": rounded(float(np.mean([one.chance for one in scores]))),
    }


def recovery(
    truths: Truths, searches: Mapping[str, Search], folder: Path
) -> dict[str, dict[str, float | None]]:
    """Share of the truths recovered from fewer prompts, and with a judge who is often wrong.

    Prompts, and the answers that are turned round, are drawn again and again.
    """
    rng = np.random.default_rng(SEED)
    facts = {
        study: pd.read_parquet(folder / "facts" / f"{study}.parquet")
        for study in sorted({one.study for one in searches.values()})
    }
    shares: dict[str, dict[str, float | None]] = {"by_num_prompts": {}, "by_wrong_answers": {}}
    for size in SIZES:

        def draw(scores: pd.DataFrame, _: str, size: int = size) -> pd.DataFrame:
            prompts = np.sort(scores["prompt_id"].unique())
            return thin(scores, rng.choice(prompts, min(size, len(prompts)), replace=False))

        shares["by_num_prompts"][str(size)] = _recovered(truths, searches, folder, draw)
    for wrong in WRONG:

        def flip(scores: pd.DataFrame, study: str, wrong: float = wrong) -> pd.DataFrame:
            return with_flipped_judge(scores, facts[study], wrong, rng)

        shares["by_wrong_answers"][str(wrong)] = _recovered(truths, searches, folder, flip)
    return shares


def _recovered(
    truths: Truths,
    searches: Mapping[str, Search],
    folder: Path,
    change: Callable[[pd.DataFrame, str], pd.DataFrame],
) -> float | None:
    planted = planted_answers(truths)
    hits = []
    for name, one in searches.items():
        scores = read_scores(folder, one.study)
        for _ in range(NUM_DRAWS):
            found = find_best(change(scores, one.study), one)
            hits.append(score(planted[name], found, len(one.options)).recovered)
    return rounded(float(np.mean(hits)))


def null_finds(searches: Mapping[str, Search], folder: Path) -> dict[str, float | None]:
    """How often a search with shuffled variants leaves out half of its grid, where it should not.

    Within a prompt the variants' scores are dealt anew, so that none is better than another.
    """
    rng = np.random.default_rng(SEED)
    shares = {}
    for name, one in searches.items():
        scores = read_scores(folder, one.study)
        narrow = []
        for _ in range(NUM_DRAWS):
            found = find_best(_dealt(scores, one, rng), one)
            narrow.append(0 < len(found.answers) <= len(one.options) / 2)
        shares[name] = rounded(float(np.mean(narrow)))
    return shares


def _dealt(scores: pd.DataFrame, search: Search, rng: np.random.Generator) -> pd.DataFrame:
    rows = scores[scores["variant"].isin(list(search.options))].copy()
    for _, group in rows.groupby(["prompt_id", "seed"]):
        rows.loc[group.index, search.metric] = rng.permutation(group[search.metric].to_numpy())
    return rows


def scorecard(families: Mapping[str, Truths], results: Path, searches: Path) -> dict[str, Any]:
    """Everything by family: each truth, the total, recovery under worse conditions, shuffled.

    Searches in studies that a family has no scores of are named under `not_run`.
    """
    every = load_searches(searches)
    card: dict[str, Any] = {}
    for name, truths in families.items():
        folder = results / name
        known = {key: one for key, one in every.items() if has_scores(folder, one.study)}
        scores = score_family(truths, known, folder) | score_flags(truths, folder)
        if not scores:
            raise ValueError(f"{folder}: no scores of any study that is searched")
        card[name] = {
            "truths": {truth: one._asdict() for truth, one in scores.items()},
            "total": total(list(scores.values())),
            "recovery": recovery(truths, known, folder),
            "found_in_shuffled": null_finds(known, folder),
            "false_flags": false_flags(truths, folder),
            "not_run": sorted(every.keys() - known.keys()),
        }
    return card


def main() -> None:
    """Read the arguments, score every family that has results, write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("calibration/results"))
    parser.add_argument(
        "--truths", type=Path, nargs="+", default=sorted(Path("calibration").glob("truths*.yaml"))
    )
    parser.add_argument("--searches", type=Path, default=Path("calibration/searches.yaml"))
    parser.add_argument("--out", type=Path, default=Path("metrics/calibration.json"))
    arguments = parser.parse_args()
    planted = [load_truths(path) for path in arguments.truths]
    families = {one.name: one for one in planted if (arguments.results / one.name).is_dir()}
    if not families:
        raise ValueError(f"{arguments.results}: no results of {[one.name for one in planted]}")
    card = scorecard(families, arguments.results, arguments.searches)
    text = json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False)
    arguments.out.write_text(text + "\n", encoding="utf-8")
    for name, one in card.items():
        for truth, row in one["truths"].items():
            verdict = "recovered" if row["recovered"] else "not recovered"
            found = ", ".join(row["found"]) or "nothing"
            print(f"{name}: {truth}: planted {row['planted']}, found {found}: {verdict}")
        print(f"{name}: {one['total']}, not run: {', '.join(one['not_run']) or 'nothing'}")


if __name__ == "__main__":
    main()
