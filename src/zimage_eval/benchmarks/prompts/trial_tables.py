"""Draw and judge trials; read and write data/trials.parquet, one row per judged fact."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.style
import pandas as pd
import pyarrow as pa
from matplotlib.figure import Figure

from zimage_eval.benchmarks.prompts.trials import Trial
from zimage_eval.benchmarks.shared.drawn_prompts import (
    DrawingRequest,
    PainterAndJudge,
    draw_and_judge,
)
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
UNJUDGED_NOTE = "not available: nobody judges the pictures of this model"


class JudgedTrial(NamedTuple):
    """A trial with the facts that hold in its pictures."""

    trial: Trial
    held: dict[int, dict[str, bool]]
    """Seed -> name of a fact -> whether it holds."""

    @property
    def alignment(self) -> float:
        """The share of facts that hold, as a mean over seeds."""
        shares = [sum(facts.values()) / len(facts) for facts in self.held.values()]
        return sum(shares) / len(shares)

    @property
    def success(self) -> dict[int, bool]:
        """Seed -> whether every fact holds."""
        return {seed: all(facts.values()) for seed, facts in self.held.items()}

    @property
    def success_rate(self) -> float:
        """The share of seeds in whose picture every fact holds."""
        return sum(self.success.values()) / len(self.held)


def judge_trials(
    trials: Sequence[Trial], encoded: Sequence[TextEmbeddings], studio: PainterAndJudge
) -> list[JudgedTrial]:
    """Draw and judge each trial with each of its seeds; trials that can't be judged are left out.

    Args:
        trials: what to draw.
        encoded: the encoded texts of the trials, in the same order.
        studio: draws and judges.
    """
    drawings = [
        DrawingRequest(entry.prompt_embeds, seed, trial.facts)
        for trial, entry in zip(trials, encoded, strict=True)
        for seed in trial.seeds
    ]
    drawn = iter(draw_and_judge(drawings, studio))
    judged = []
    for trial in trials:
        outcomes = {seed: next(drawn).held for seed in trial.seeds}
        held = {seed: facts for seed, facts in outcomes.items() if facts}
        if held:
            judged.append(JudgedTrial(trial, held))
    return judged


def write_trials(path: Path, judged: Sequence[JudgedTrial]) -> None:
    """Write trials, one row per judged fact."""
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
    """Read trials that `write_trials` wrote, in the order of the table.

    Raises:
        ValueError: the file is missing or has other columns.
    """
    frame: pd.DataFrame = read_table(path, TRIALS).to_pandas()
    judged = []
    for _, rows in frame.groupby("trial_id", sort=False):
        first = rows.iloc[0]
        held = {
            int(seed): dict(zip(judged_facts["fact"], judged_facts["held"].tolist(), strict=True))
            for seed, judged_facts in rows.groupby("seed", sort=False)
        }
        facts = Facts.model_validate_json(first.facts)
        trial = Trial(
            trial_id=first["trial_id"],
            group=first["group"],
            level=first["level"],
            text=first["text"],
            facts=facts,
            seeds=tuple(held),
        )
        judged.append(JudgedTrial(trial, held))
    return judged


def write_unjudged(name: str, results: Path, observations: Path, figure: Path) -> None:
    """Write results without numbers, an empty observations file, and a figure with the reason."""
    write_results(results, {name: {"not available": {"num_prompts": 0}, "checks": {}}})
    write_observations(observations, [])
    with matplotlib.style.context("default"):
        empty = Figure(figsize=(WIDTH_INCHES, 1))
        empty.text(0.5, 0.5, UNJUDGED_NOTE, ha="center", va="center", color=FAINT, style="italic")
    save_figure(empty, figure)
    print(UNJUDGED_NOTE)
