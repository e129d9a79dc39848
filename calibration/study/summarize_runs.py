"""Summarize what ran beforehand on a GPU, so that the report's pages can cite it.

`python -m calibration.study.summarize_runs` reads and writes

    calibration/ablations.csv -> metrics/trained.json: alignment of short bases by what they were
                                 trained on
    calibration/families/<family>/results/ -> metrics/families.json: alignment of each family by
                                              study and variant
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from calibration.scorecard.find_answers import read_scores
from zimage_eval.output.observations import Measurement, read_observations
from zimage_eval.output.results import NumberRow, Results, write_results

ABLATIONS = Path("calibration/ablations.csv")
FAMILIES = Path("calibration/families")
METRIC, EVERYTHING = "alignment", "all"


def main() -> None:
    """Write both files anew."""
    write_results(Path("metrics/trained.json"), trained(read_observations(ABLATIONS)))
    write_results(Path("metrics/families.json"), families(FAMILIES))


def trained(observations: Sequence[Measurement]) -> Results:
    """Row -> mean alignment, its spread between seeds, and the number of runs.

    Arms with few seeds are held against each other on the seeds that all of them have, so a row is
    there twice for an arm with more: `<arm>` of all its runs, `<arm>,shared` of the shared ones.
    """
    runs: dict[str, dict[str, float]] = {}
    for observation in observations:
        if (observation.metric, observation.category) == (
            METRIC,
            EVERYTHING,
        ) and observation.value is not None:
            runs.setdefault(observation.variant, {})[observation.unit] = observation.value
    shared = set.intersection(*(set(values) for values in runs.values()))
    rows = {arm: _row(list(values.values())) for arm, values in runs.items()}
    rows |= {
        f"{arm},shared": _row([values[unit] for unit in sorted(shared)])
        for arm, values in runs.items()
    }
    return {"trained": rows}


def families(folder: Path) -> Results:
    """`<family>,<study>,<variant>` -> alignment of the screened prompts, and their number."""
    rows: dict[str, dict[str, float | None]] = {}
    for path in sorted(folder.glob("*/results/*.parquet")):
        family = path.parent.parent.name
        for variant, group in read_scores(path.parent, path.stem).groupby("variant"):
            by_prompt = group.groupby("prompt_id")[METRIC].mean()
            rows[f"{family},{path.stem},{variant}"] = {
                METRIC: float(by_prompt.mean()),
                "num_prompts": len(by_prompt),
            }
    return {"families": rows}


def _row(values: Sequence[float]) -> NumberRow:
    return {
        METRIC: float(np.mean(values)),
        f"{METRIC}_sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "num_runs": len(values),
    }


if __name__ == "__main__":
    main()
