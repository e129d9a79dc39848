"""Rows of a summary table with the numbers that a test gives."""

from tests.support.repository import ROOT
from zimage_eval.config.metrics import METRICS
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.studies.summaries import Summary

DEFAULTS = load_model_spec(ROOT / "models" / "nano.yaml").defaults


def summarize(name: str, phase: str = "screen", /, **values: Summary) -> list[Summary]:
    """Empty rows of all metrics of a variant, but for the given ones."""
    empty = [Summary(name, phase, metric, "all", 0, None) for metric in ("coverage", *METRICS)]
    return [
        values[row.metric]._replace(variant=name, phase=phase, metric=row.metric)
        if row.metric in values
        else row
        for row in empty
    ]


def number(mean: float, difference: float | None = None, reach: float = 0.05) -> Summary:
    low, high = mean - reach, mean + reach
    if difference is None:
        return Summary("", "", "", "all", 64, mean, low, high)
    ends = (difference, difference - reach, difference + reach)
    return Summary("", "", "", "all", 64, mean, low, high, *ends)


FULL = Summary("", "", "", "all", 64, 1.0)
