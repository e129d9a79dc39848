"""How many prompts, images and hours each study needs to resolve a given margin."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scipy import stats

from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.params import Params, Study
from zimage_eval.config.variants import Variant
from zimage_eval.output.text_tables import Column, TextTable
from zimage_eval.prompts.templates import study_variants
from zimage_eval.statistics.estimates import CONFIDENCE
from zimage_eval.statistics.power import PlannedWords, num_prompts_needed, plan_words
from zimage_eval.studies.plan import predict_seconds
from zimage_eval.studies.summaries import ALL, Summary

METRIC = "alignment"


class Spread(NamedTuple):
    """The standard deviation over prompts of a paired difference, one seed a prompt."""

    rival: str
    """The variant whose difference to the baseline was measured."""
    deviation: float
    num_prompts: int
    """How many prompts it was measured on; 0 if it is the value declared in models/<model>.yaml."""


class MarginPlan(NamedTuple):
    """What one study needs to resolve the margin."""

    study: str
    spread: Spread
    num_prompts: int
    """The smallest number that resolves the margin, with one seed per prompt."""
    words: PlannedWords
    """The smallest number for each graded word."""
    contrast_images: int
    """Images of the baseline and of the rival in `spread`."""
    contrast_hours: float
    study_images: int
    """Images of all variants of the study."""
    study_hours: float


def plan_margin(
    params: Params,
    spec: ModelSpec,
    tables: Mapping[str, Sequence[Summary]],
    margin: float,
    templates: Path,
) -> list[MarginPlan]:
    """Plan each study that has more than one variant.

    Args:
        params: params.yaml.
        spec: of the model to be studied.
        tables: rows of reports/tables/<study>.csv, for the studies that were measured.
        margin: in alignment. A true difference of this size is told from 0 with 80 % power, and a
            true difference of 0 is shown to be equivalent with 80 % power.
        templates: folder of the prompt templates.

    Raises:
        ValueError: the margin is not above 0; the model has no judge; or a study's variants can't
            be expanded.
    """
    if spec.judge == "none":
        raise ValueError(
            f"{spec.title}: judge is {spec.judge!r}; "
            "without a judge there is no alignment to plan for"
        )
    plans = []
    for key, study in params.studies.items():
        variants = study_variants(study, spec, templates)
        if len(variants) > 1:
            spread = study_spread(study, variants, tables.get(key, ()), spec)
            plans.append(_plan_study(key, variants, spread, spec, margin))
    return plans


def study_spread(
    study: Study, variants: Sequence[Variant], table: Sequence[Summary], spec: ModelSpec
) -> Spread:
    """The spread of the difference between one rival and the baseline.

    The rival is the variant to be confirmed, because the study is made for this contrast. Without
    one it is the variant whose screened difference is nearest to 0, because this is the hardest to
    tell. If the difference was never measured, the spread is `planning.alignment_sd` of `spec`.
    """
    rivals = [variant.name for variant in variants if not variant.is_baseline]
    measured = {
        row.variant: row
        for row in table
        if (row.phase, row.metric, row.category) == ("screen", METRIC, ALL)
        and row.variant in rivals
        and row.difference_low is not None
    }
    nearest = sorted(measured, key=lambda name: abs(measured[name].difference or 0.0))
    rival = study.confirm or (nearest[0] if nearest else rivals[0])
    if rival not in measured:
        return Spread(rival, spec.planning.alignment_sd, 0)
    row = measured[rival]
    return Spread(rival, deviation_from_interval(row), row.num_prompts)


def deviation_from_interval(row: Summary) -> float:
    """The standard deviation over prompts, recovered from the interval of a difference.

    This inverts `statistics.estimates.estimate`, where half the width of an interval is a t
    quantile times the standard error of the values and two pseudo-prompts, at +1 and at -1.

    Raises:
        ValueError: the row has no interval.
    """
    mean, low, high, n = row.difference, row.difference_low, row.difference_high, row.num_prompts
    if mean is None or low is None or high is None:
        raise ValueError(f"{row.variant}: its difference in {row.metric} has no interval")
    center = n * mean / (n + 2)
    reach = max(
        center - low, high - center
    )  # the shorter side may be cut off at the end of the range
    error = reach / float(stats.t.ppf(0.5 + CONFIDENCE / 2, df=n + 1))
    squares = (n + 1) * (n + 2) * error**2 - 2 + (n + 2) * center**2
    return math.sqrt(max(squares - n * mean**2, 0.0) / (n - 1))


def _plan_study(
    key: str, variants: Sequence[Variant], spread: Spread, spec: ModelSpec, margin: float
) -> MarginPlan:
    num_prompts = num_prompts_needed(spread.deviation, margin, is_judged=True)
    seconds = {variant.name: predict_seconds(variant.settings, spec) for variant in variants}
    pair = [v.name for v in variants if v.is_baseline or v.name == spread.rival]
    return MarginPlan(
        study=key,
        spread=spread,
        num_prompts=num_prompts,
        words=plan_words(spread.deviation, margin, is_judged=True),
        contrast_images=len(pair) * num_prompts,
        contrast_hours=num_prompts * sum(seconds[name] for name in pair) / 3600,
        study_images=len(variants) * num_prompts,
        study_hours=num_prompts * sum(seconds.values()) / 3600,
    )


def margin_table(plans: Sequence[MarginPlan], margin: float, spec: ModelSpec) -> TextTable:
    """The plan as a table, with an explanation of its columns below."""
    words = ("equal", "yes", "more", "less", "kinds no", "kinds yes")
    names = ("sd", "from n", "prompts", *words, "images", "hours", "all images", "hours", "rival")
    rows = [
        (
            plan.study,
            f"{plan.spread.deviation:.3f}",
            str(plan.spread.num_prompts or "-"),
            str(plan.num_prompts),
            *map(str, plan.words),
            str(plan.contrast_images),
            f"{plan.contrast_hours:.2f}",
            str(plan.study_images),
            f"{plan.study_hours:.2f}",
            plan.spread.rival,
        )
        for plan in plans
    ]
    figures = spec.planning
    notes = f"""\
sd        over prompts, of the paired difference of the rival to the baseline, one seed a prompt;
          measured on n screened prompts (reports/tables), or (-) as models/<model>.yaml declares
rival     the one to be confirmed, else the one nearest to the baseline
prompts   the fewest with which a true difference of {margin:g} is told from 0, and a true 0 shown
          equivalent, each with 80 % power before any correction for how many claims there are
equal     the fewest that say "no difference that matters" of no difference, or keep a tie; yes:
          that a difference of {margin:g} is there; more: that one of {2 * margin:g} matters; less:
          that one of {margin / 2:g} is there and does not matter; kinds no: that one level serves
          all of four kinds of prompts beside a tie; kinds yes: that another one is better in one
          kind by {2 * margin:g}; all with 80 % power, for differences that ruin a share of prompts
images    of the rival and the baseline; all images: of every variant; drawn one after the other at
          {figures.seconds_per_forward:g} s a forward, {figures.seconds_per_image:g} s an image"""
    return TextTable(
        columns=[Column("study"), *(Column(name, is_right_aligned=True) for name in names)],
        rows=rows,
        above=[f"{spec.title}: to resolve {margin:g} in {METRIC}", ""],
        below=["", *notes.splitlines()],
    )
