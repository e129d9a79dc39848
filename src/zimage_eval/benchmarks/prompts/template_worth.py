"""What prompt templates gain: by template, by category, per token, and compared with a filler."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from zimage_eval.config.metrics import METRICS
from zimage_eval.output.figures import FAINT, WIDTH_INCHES, MeanInterval, draw_intervals
from zimage_eval.output.observations import Measurement
from zimage_eval.output.tables import UNIT, means_by_prompt, numbers_of
from zimage_eval.prompts.templates import Template
from zimage_eval.statistics.estimates import estimate

WORTH_METRICS: Final = tuple(
    name for name, metric in METRICS.items() if metric.leads_figures and not metric.is_paired
)
"""Metrics that a template may improve; only those that the scores have are used."""


def count_added_tokens(
    worded: Mapping[str, Sequence[str]], bare: str, count: Callable[[str], int]
) -> dict[str, float]:
    """Variant -> mean number of tokens that its wording has more than the bare prompt.

    Args:
        worded: variant -> wordings of the same prompts in the same order.
        bare: name of the variant without a template.
        count: counts the tokens of a text.
    """
    lengths = {name: [count(text) for text in texts] for name, texts in worded.items()}
    return {
        name: float(np.mean(np.subtract(counts, lengths[bare]))) for name, counts in lengths.items()
    }


def worth_rows(
    scores: pd.DataFrame, templates: Sequence[Template], tokens: Mapping[str, float]
) -> dict[str, dict[str, float | None]]:
    """`template=<name>` and `category=<category>` -> its gain over the bare prompt.

    `<metric>_gain` has an interval over prompts. `_gain_per_token` is gain and interval divided by
    the number of added tokens. `_over_filler` is the gain over the filler with the nearest number
    of tokens; fillers themselves have none. A category is the mean over its templates.

    Args:
        scores: the study's score table of one phase.
        templates: the templates that were drawn.
        tokens: template -> number of tokens that it adds.
    """
    bare = _bare(templates)
    fillers = [template.name for template in templates if template.filler_tokens]
    groups = {
        f"template={template.name}": [template.name]
        for template in templates
        if template.name != bare
    }
    groups |= {
        f"category={name}": members for name, members in templates_by_category(templates).items()
    }
    rows: dict[str, dict[str, float | None]] = {}
    for group, names in groups.items():
        added = float(np.mean([tokens[name] for name in names]))
        row: dict[str, float | None] = {"num_templates": len(names), "num_tokens": added}
        nearest_fillers = [_nearest(fillers, tokens, name) for name in names if name not in fillers]
        for metric in _measured(scores):
            row |= _gain(scores, metric, names, [bare], "gain")
            row |= {
                f"{metric}_gain_per_token{end}": _over(row[f"{metric}_gain{end}"], added)
                for end in ("", "_low", "_high")
            }
            if fillers and nearest_fillers:
                row |= _gain(scores, metric, names, nearest_fillers, "over_filler")
        rows[group] = row
    return rows


def worth_observations(scores: pd.DataFrame, templates: Sequence[Template]) -> list[Measurement]:
    """Each prompt's scores: of the bare prompt, and the mean of each category's templates."""
    groups = {"bare": [_bare(templates)], **templates_by_category(templates)}
    categories = dict(zip(scores["prompt_id"], scores["category"], strict=True))
    measurements = []
    for metric in _measured(scores):
        for group, names in groups.items():
            for (prompt_id, seed), value in _mean_scores(scores, metric, names).items():
                category = categories[prompt_id]
                measurements.append(
                    Measurement(
                        variant=group,
                        unit=prompt_id,
                        replicate=seed,
                        category=category,
                        metric=metric,
                        value=value,
                    )
                )
    return measurements


def templates_by_category(templates: Sequence[Template]) -> dict[str, list[str]]:
    """Category -> names of its templates, without the bare prompt."""
    groups: dict[str, list[str]] = {}
    for template in templates:
        if template.name != _bare(templates):
            groups.setdefault(template.category, []).append(template.name)
    return groups


def draw_worth(rows: Mapping[str, dict[str, float | None]]) -> Figure:
    """Draw gains over the bare prompt by category, in total and per token."""
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
        for (gain_axes, token_axes), metric in zip(panels, metrics, strict=False):
            gains, per_token = (
                _intervals(named, f"{metric}_{kind}") for kind in ("gain", "gain_per_token")
            )
            draw_intervals(gain_axes, gains, f"{metric} over the bare prompt, 95 %")
            draw_intervals(token_axes, per_token, "the same per token")
            for axes in (gain_axes, token_axes):
                axes.axvline(0, color=FAINT, linewidth=1)
        return figure


def _intervals(named: Mapping[str, dict[str, float | None]], key: str) -> dict[str, MeanInterval]:
    return {name: (row[key], row[f"{key}_low"], row[f"{key}_high"]) for name, row in named.items()}


def _measured(scores: pd.DataFrame) -> list[str]:
    return [metric for metric in WORTH_METRICS if metric in scores]


def _nearest(fillers: Sequence[str], tokens: Mapping[str, float], name: str) -> str:
    """The filler whose number of tokens is nearest to the template's."""
    return min(fillers, key=lambda filler: abs(tokens[filler] - tokens[name]), default="")


def _bare(templates: Sequence[Template]) -> str:
    """The name of the template that adds no words.

    Raises:
        ValueError: there is none, so there is nothing to compare with.
    """
    for template in templates:
        if not (template.prefix or template.suffix or template.filler_tokens):
            return template.name
    raise ValueError(
        f"templates: none of {[template.name for template in templates]} is the bare prompt, "
        "without prefix, suffix and filler_tokens, which the others are compared with"
    )


def _over(value: float | None, tokens: float | None) -> float | None:
    return None if value is None or not tokens or tokens <= 0 else value / tokens


def _mean_scores(scores: pd.DataFrame, metric: str, names: Sequence[str]) -> pd.Series:
    """By prompt and seed, the mean over variants, where all of them have a score."""
    variants = scores.pivot(index=UNIT, columns="variant", values=metric).reindex(columns=names)
    complete = variants.astype(np.float64).dropna()
    means = [float(np.mean(values)) for values in complete.to_numpy().tolist()]
    return pd.Series(means, index=complete.index, dtype=np.float64)


def _gain(
    scores: pd.DataFrame,
    metric: str,
    names: Sequence[str],
    references: Sequence[str],
    suffix: str,
) -> dict[str, float | None]:
    """Mean paired difference, with its interval, of the means of `names` and of `references`."""
    differences = _mean_scores(scores, metric, names) - _mean_scores(scores, metric, references)
    means = means_by_prompt(differences.to_frame(metric), [metric])[metric].to_numpy()
    gain = estimate(numbers_of(means), (-1.0, 1.0) if METRICS[metric].is_judged else None)
    key = f"{metric}_{suffix}"
    return {key: gain.mean, f"{key}_low": gain.low, f"{key}_high": gain.high}
