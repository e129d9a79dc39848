"""What templates are worth: by template and by category, per token, and beside a filler."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

from zimage_eval.metrics.catalogue import METRICS
from zimage_eval.output.figures import FAINT, WIDTH_INCHES, MeanInterval, draw_intervals
from zimage_eval.output.observations import Measurement
from zimage_eval.prompts.templates import Template
from zimage_eval.statistics.estimates import Unit, estimate, paired_differences, prompt_means

WORTH_METRICS: Final = ("alignment", "clip_score", "sharpness")
"""What a template may improve; those that the scores have."""

PromptScores = Mapping[Unit, float | None]


def count_added_tokens(
    worded: Mapping[str, Sequence[str]], bare: str, count: Callable[[str], int]
) -> dict[str, float]:
    """Mean number of tokens that each variant's wording has beyond the bare one's.

    Args:
        worded: by variant, the wordings of the same prompts in the same order.
        bare: the variant without a template.
        count: number of tokens of a text.
    """
    lengths = {name: [count(text) for text in texts] for name, texts in worded.items()}
    return {
        name: float(np.mean(np.subtract(each, lengths[bare]))) for name, each in lengths.items()
    }


def worth_rows(
    scores: Sequence[Mapping[str, Any]], templates: Sequence[Template], tokens: Mapping[str, float]
) -> dict[str, dict[str, float | None]]:
    """`template=<name>` and `category=<category>` -> what it gains over the bare prompt.

    `<metric>_gain` with its interval over prompts; `_gain_per_token`, both by the tokens that are
    added; `_over_filler`, over the filler whose number of tokens is nearest, which fillers
    themselves have not. A category is the mean over its templates.

    Args:
        scores: rows of the study's score table in one phase.
        templates: the library that was drawn.
        tokens: number of tokens that each adds.
    """
    bare = _bare(templates)
    fillers = [each.name for each in templates if each.filler_tokens]
    groups = {f"template={each.name}": [each.name] for each in templates if each.name != bare}
    groups |= {f"category={name}": members for name, members in by_category(templates).items()}
    rows: dict[str, dict[str, float | None]] = {}
    for group, names in groups.items():
        added = float(np.mean([tokens[name] for name in names]))
        row: dict[str, float | None] = {"num_templates": len(names), "num_tokens": added}
        beside = [_nearest(fillers, tokens, name) for name in names if name not in fillers]
        for metric in _measured(scores):
            row |= _gain(scores, metric, names, [bare], "gain")
            row |= {
                f"{metric}_gain_per_token{end}": _over(row[f"{metric}_gain{end}"], added)
                for end in ("", "_low", "_high")
            }
            if fillers and beside:
                row |= _gain(scores, metric, names, beside, "over_filler")
        rows[group] = row
    return rows


def worth_observations(
    scores: Sequence[Mapping[str, Any]], templates: Sequence[Template]
) -> list[Measurement]:
    """Each prompt's scores under the bare wording and, as a mean, under each category."""
    groups = {"bare": [_bare(templates)], **by_category(templates)}
    categories = {row["prompt_id"]: row["category"] for row in scores}
    found = []
    for metric in _measured(scores):
        for group, names in groups.items():
            for (prompt_id, seed), value in _mean_scores(scores, metric, names).items():
                category = categories[prompt_id]
                found.append(Measurement(group, prompt_id, seed, category, metric, value))
    return found


def by_category(templates: Sequence[Template]) -> dict[str, list[str]]:
    """Names of the templates of each category, without the bare prompt's."""
    groups: dict[str, list[str]] = {}
    for each in templates:
        if each.name != _bare(templates):
            groups.setdefault(each.category, []).append(each.name)
    return groups


def draw_worth(rows: Mapping[str, dict[str, float | None]]) -> Figure:
    """Gains over the bare prompt by category, whole and per token, of what has a number."""
    named = {name.split("=")[1]: row for name, row in rows.items() if name.startswith("category=")}
    metrics = [
        metric
        for metric in WORTH_METRICS
        if any(row.get(f"{metric}_gain") is not None for row in named.values())
    ]
    with matplotlib.style.context("default"):
        height = 1 + (0.3 * len(named) + 1) * max(1, len(metrics))
        figure = Figure(figsize=(WIDTH_INCHES + 2, height), layout="constrained")
        panels = figure.subplots(max(1, len(metrics)), 2, squeeze=False)
        for (left, right), metric in zip(panels, metrics, strict=False):
            gains, per_token = (
                _intervals(named, f"{metric}_{of}") for of in ("gain", "gain_per_token")
            )
            draw_intervals(left, gains, f"{metric} over the bare prompt, 95 %")
            draw_intervals(right, per_token, "the same per token")
            for axes in (left, right):
                axes.axvline(0, color=FAINT, linewidth=1)
        return figure


def _intervals(named: Mapping[str, dict[str, float | None]], key: str) -> dict[str, MeanInterval]:
    return {name: (row[key], row[f"{key}_low"], row[f"{key}_high"]) for name, row in named.items()}


def _measured(scores: Sequence[Mapping[str, Any]]) -> list[str]:
    return [metric for metric in WORTH_METRICS if any(metric in row for row in scores[:1])]


def _nearest(fillers: Sequence[str], tokens: Mapping[str, float], name: str) -> str:
    """The filler that is about as long as a template."""
    return min(fillers, key=lambda filler: abs(tokens[filler] - tokens[name]), default="")


def _bare(templates: Sequence[Template]) -> str:
    """The name of the entry without words.

    Raises:
        ValueError: there is none, so nothing to compare with.
    """
    for each in templates:
        if not (each.prefix or each.suffix or each.filler_tokens):
            return each.name
    raise ValueError("templates: none is the bare prompt, so nothing tells what the others add")


def _over(value: float | None, tokens: float | None) -> float | None:
    return None if value is None or not tokens or tokens <= 0 else value / tokens


def _scores_of(scores: Sequence[Mapping[str, Any]], metric: str, variant: str) -> PromptScores:
    return {
        (row["prompt_id"], row["seed"]): row[metric] for row in scores if row["variant"] == variant
    }


def _mean_scores(
    scores: Sequence[Mapping[str, Any]], metric: str, names: Sequence[str]
) -> dict[Unit, float]:
    """Mean over variants, of the images that all of them have a score for."""
    each = [_scores_of(scores, metric, name) for name in names]
    found = {}
    for unit in each[0]:
        values = [one.get(unit) for one in each]
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            found[unit] = float(np.mean(known))
    return found


def _gain(
    scores: Sequence[Mapping[str, Any]],
    metric: str,
    names: Sequence[str],
    beside: Sequence[str],
    what: str,
) -> dict[str, float | None]:
    """Mean of the paired differences of each name to what stands beside it, with its interval."""
    differences = paired_differences(
        _mean_scores(scores, metric, names), _mean_scores(scores, metric, beside)
    )
    bounds = (-1.0, 1.0) if METRICS[metric].is_judged else None
    found = estimate(list(prompt_means(differences).values()), bounds)
    key = f"{metric}_{what}"
    return {key: found.mean, f"{key}_low": found.low, f"{key}_high": found.high}
