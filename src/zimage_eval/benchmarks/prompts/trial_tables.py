"""data/trials.parquet: one row a judged fact of a picture of a trial."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.style
import pandas as pd
import pyarrow as pa
from matplotlib.figure import Figure

from zimage_eval.benchmarks.prompts.trials import Trial
from zimage_eval.benchmarks.shared.drawn_prompts import DrawingRequest, Painter, draw_and_judge
from zimage_eval.output.figures import FAINT, WIDTH_INCHES, save_figure
from zimage_eval.output.observations import write_observations
from zimage_eval.output.results import write_results
from zimage_eval.output.tables import TableSchema, read_table, write_table
from zimage_eval.prompts.facts import Facts
from zimage_eval.text.embeddings import TextEmbeddings

TRIALS = TableSchema(
    observation="a fact of a trial's picture, as the judge found it",
    key=("trial_id", "seed", "fact"),
    columns=pa.schema(
        [
            pa.field(name, kind, nullable=False)
            for name, kind in {
                "trial_id": pa.string(),
                "group": pa.string(),
                "level": pa.string(),
                "text": pa.string(),
                "facts": pa.string(),  # JSON of zimage_eval.prompts.facts.Facts
                "seed": pa.int64(),
                "fact": pa.string(),  # zimage_eval.prompts.facts.FactResult.name
                "held": pa.bool_(),
            }.items()
        ]
    ),
)


class JudgedTrial(NamedTuple):
    """A trial and what held in its pictures."""

    trial: Trial
    held: dict[int, dict[str, bool]]
    """By seed, then by name of the fact."""

    @property
    def alignment(self) -> float:
        """Share of the facts that hold, mean over seeds."""
        shares = [sum(facts.values()) / len(facts) for facts in self.held.values()]
        return sum(shares) / len(shares)

    @property
    def success(self) -> dict[int, bool]:
        """By seed, whether every fact holds."""
        return {seed: all(facts.values()) for seed, facts in self.held.items()}

    @property
    def success_rate(self) -> float:
        """Share of the seeds with every fact."""
        return sum(self.success.values()) / len(self.held)


def judge_trials(
    trials: Sequence[Trial], encoded: Sequence[TextEmbeddings], artist: Painter
) -> list[JudgedTrial]:
    """Each trial drawn with each of its seeds; those that nobody could judge are left out.

    Args:
        trials: what to draw.
        encoded: of their texts, in the same order.
        artist: draws and judges.
    """
    drawings = [
        DrawingRequest(entry.prompt_embeds, seed, trial.facts)
        for trial, entry in zip(trials, encoded, strict=True)
        for seed in trial.seeds
    ]
    drawn = iter(draw_and_judge(drawings, artist))
    judged = []
    for trial in trials:
        found = {seed: next(drawn).held for seed in trial.seeds}
        held = {seed: facts for seed, facts in found.items() if facts}
        if held:
            judged.append(JudgedTrial(trial, held))
    return judged


def write_trials(path: Path, judged: Sequence[JudgedTrial]) -> None:
    """Write them, one row a fact."""
    rows = [
        {
            "trial_id": trial.trial_id,
            "group": trial.group,
            "level": trial.level,
            "text": trial.text,
            "facts": trial.facts.model_dump_json(),
            "seed": seed,
            "fact": fact,
            "held": is_held,
        }
        for trial, held in judged
        for seed, facts in held.items()
        for fact, is_held in facts.items()
    ]
    write_table(path, TRIALS, pa.Table.from_pylist(rows, schema=TRIALS.columns))


def read_trials(path: Path) -> list[JudgedTrial]:
    """The trials in the order they were written.

    Raises:
        ValueError: the file is missing or is no such table.
    """
    frame: pd.DataFrame = read_table(path, TRIALS).to_pandas()
    judged = []
    for _, rows in frame.groupby("trial_id", sort=False):
        first = rows.iloc[0]
        held: dict[int, dict[str, bool]] = {}
        for row in rows.itertuples():
            held.setdefault(int(row.seed), {})[row.fact] = bool(row.held)
        facts = Facts.model_validate_json(first.facts)
        trial = Trial(
            first["trial_id"], first["group"], first["level"], first["text"], facts, tuple(held)
        )
        judged.append(JudgedTrial(trial, held))
    return judged


NOTE = "not available: nobody judges the pictures of this model"


def write_unjudged(name: str, results: Path, observations: Path, figure: Path) -> None:
    """Results without a number, no observations, and a figure that says why."""
    write_results(results, {name: {"not available": {"num_prompts": 0}, "checks": {}}})
    write_observations(observations, [])
    with matplotlib.style.context("default"):
        empty = Figure(figsize=(WIDTH_INCHES, 1))
        empty.text(0.5, 0.5, NOTE, ha="center", va="center", color=FAINT, style="italic")
    save_figure(empty, figure)
    print(NOTE)
