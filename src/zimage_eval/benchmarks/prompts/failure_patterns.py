"""Which facts, words and numbers of objects fail, and whether prompts or seeds decide it."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy import stats

from zimage_eval.benchmarks.prompts.failure_detectors import ANOMALIES, BASELINES
from zimage_eval.benchmarks.prompts.trial_tables import JudgedTrial
from zimage_eval.benchmarks.prompts.trials import CROWD, PAIR, PROMPT_SET, RELATION_WORD
from zimage_eval.config.kinds import FACT_KINDS
from zimage_eval.output.observations import Measurement
from zimage_eval.output.results import NumberRow
from zimage_eval.statistics.estimates import estimate
from zimage_eval.statistics.multiplicity import holm

ALPHA = 0.05


def prompt_and_seed(judged: Sequence[JudgedTrial]) -> dict[str, float | None]:
    """How failures are distributed over prompts and seeds, and the prompts' share of the variance.

    The share is the intraclass correlation of success (one-way analysis of variance): 0 if only
    seeds decide, 1 if only prompts do.
    """
    rates = np.array([judged_trial.success_rate for judged_trial in judged])
    sizes = {len(judged_trial.held) for judged_trial in judged}
    row: dict[str, float | None] = {
        "num_prompts": len(judged),
        "success_rate": float(rates.mean()),
        "prompts_without_failure": float((rates == 1).mean()),
        "prompts_that_fail_with_some_seeds": float(((rates > 0) & (rates < 1)).mean()),
        "prompts_that_fail_with_all_seeds": float((rates == 0).mean()),
        "prompt_share_of_variance": None,
    }
    if len(sizes) == 1 and (seeds := sizes.pop()) > 1 and len(judged) > 1:
        between = seeds * rates.var(ddof=1)
        within = (rates * (1 - rates) * seeds).sum() / (len(judged) * (seeds - 1))
        total = between + (seeds - 1) * within
        row["prompt_share_of_variance"] = float((between - within) / total) if total > 0 else None
    return row


def kind_rates(judged: Sequence[JudgedTrial]) -> dict[str, dict[str, float | None]]:
    """The failure rate of each kind of fact, over the prompts that state it."""
    rows: dict[str, dict[str, float | None]] = {}
    for kind in FACT_KINDS:
        shares = [
            share
            for judged_trial in judged
            if (
                share := _share(
                    held for name, held in _facts(judged_trial) if name.split()[0] == kind
                )
            )
            is not None
        ]
        if shares:
            failure_rate = estimate([1 - share for share in shares], (0, 1))
            rows[f"fact={kind}"] = {
                "failure_rate": failure_rate.mean,
                "failure_rate_low": failure_rate.low,
                "failure_rate_high": failure_rate.high,
                "num_prompts": failure_rate.num_prompts,
            }
    return rows


def level_rows(judged: Sequence[JudgedTrial], group: str) -> dict[str, dict[str, float | None]]:
    """Success of each level of a group, and whether it is rarer than in the group's other levels.

    For words of a relation, success is that of the relation only. P-values are one-sided. A pair
    has one prompt, so pairs are tested by Fisher's exact test on pictures; all other groups by Mann
    and Whitney's test on prompts. Holm's correction is over the levels.

    Returns:
        A row per level; empty if the group has fewer than two levels.
    """
    shares: dict[str, list[list[bool]]] = {}
    for judged_trial in judged:
        if judged_trial.trial.group == group:
            shares.setdefault(judged_trial.trial.level, []).append(_successes(judged_trial, group))
    if len(shares) < 2:
        return {}
    p_values = [_p_rarer(shares, level, group) for level in shares]
    rows: dict[str, dict[str, float | None]] = {}
    for (level, prompts), p_value in zip(shares.items(), holm(p_values), strict=True):
        success_rate = estimate([float(np.mean(seeds)) for seeds in prompts], (0, 1))
        rows[f"{group}={level}"] = {
            "success_rate": success_rate.mean,
            "success_rate_low": success_rate.low,
            "success_rate_high": success_rate.high,
            "num_prompts": success_rate.num_prompts,
            "p_rarer_than_others": p_value,
        }
    return rows


def failing_levels(rows: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """Names of the rows whose level fails more often than the others, at 5 % after correction."""
    return [
        name
        for name, row in rows.items()
        if (p_value := row["p_rarer_than_others"]) is not None and p_value < ALPHA
    ]


def pattern_rows(judged: Sequence[JudgedTrial]) -> dict[str, dict[str, float | None]]:
    """All rows by name; of the pairs, only those that fail."""
    of_prompt_set = [
        judged_trial for judged_trial in judged if judged_trial.trial.group == PROMPT_SET
    ]
    rows = {"prompt_set": prompt_and_seed(of_prompt_set), "all_trials": prompt_and_seed(judged)}
    rows |= kind_rates(of_prompt_set)
    rows |= level_rows(judged, RELATION_WORD)
    rows |= level_rows(judged, CROWD)
    pairs = level_rows(judged, PAIR)
    rows |= {name: pairs[name] for name in failing_levels(pairs)}
    return rows


def pattern_observations(judged: Sequence[JudgedTrial]) -> list[Measurement]:
    """Success of every picture: of the relation for words of relations, else of all facts."""
    return [
        Measurement(
            variant=f"{judged_trial.trial.group}={judged_trial.trial.level}",
            unit=judged_trial.trial.trial_id,
            replicate=replicate,
            category=judged_trial.trial.group,
            metric="success",
            value=float(success),
        )
        for judged_trial in judged
        for replicate, success in enumerate(_successes(judged_trial, judged_trial.trial.group))
    ]


def failure_checks(rows: Mapping[str, NumberRow]) -> dict[str, float | None]:
    """The findings as statements: 1.0 if a statement holds, else 0.0."""
    levels = {name: row for name, row in rows.items() if "p_rarer_than_others" in row}
    failing = failing_levels(levels)
    scaled = [row for name, row in rows.items() if name.startswith("scale=")]
    predicted = any(_beats_all(rows[f"detector={detector}"]) for detector in ANOMALIES)
    return {
        "scaling_embeddings_changes_no_picture": float(
            all(row["pictures_that_change"] == 0 for row in scaled)
        ),
        "one_channel_alone_changes_pictures": float(
            (rows["one_channel_times_50"]["pictures_that_change"] or 0) > 0
        ),
        "some_relation_word_fails": float(
            any(name.startswith("relation_word=") for name in failing)
        ),
        "some_color_and_shape_fail_together": float(
            any(name.startswith("pair=") for name in failing)
        ),
        "some_number_of_objects_fails": float(any(name.startswith("crowd=") for name in failing)),
        "an_embedding_detector_beats_length_words_and_vocabulary": float(predicted),
    }


def _share(values: Iterable[bool]) -> float | None:
    outcomes = list(values)
    return sum(outcomes) / len(outcomes) if outcomes else None


def _facts(judged_trial: JudgedTrial) -> list[tuple[str, bool]]:
    return [fact for facts in judged_trial.held.values() for fact in facts.items()]


def _successes(judged_trial: JudgedTrial, group: str) -> list[bool]:
    if group == RELATION_WORD:
        return [facts["relation 0"] for facts in judged_trial.held.values()]
    return list(judged_trial.success.values())


def _p_rarer(shares: Mapping[str, list[list[bool]]], level: str, group: str) -> float:
    level_prompts = shares[level]
    other_prompts = [
        prompt for name, prompts in shares.items() if name != level for prompt in prompts
    ]
    if group == PAIR:
        counts = [
            [sum(map(sum, prompts)), sum(map(len, prompts)) - sum(map(sum, prompts))]
            for prompts in (level_prompts, other_prompts)
        ]
        return float(stats.fisher_exact(counts, alternative="less")[1])
    rates = [
        [float(np.mean(prompt)) for prompt in prompts] for prompts in (level_prompts, other_prompts)
    ]
    p_value = float(stats.mannwhitneyu(*rates, alternative="less", method="asymptotic")[1])
    return p_value if math.isfinite(p_value) else 1.0  # all prompts have the same rate


def _beats_all(row: NumberRow) -> bool:
    lows = [row[f"gain_over_{baseline}_low"] for baseline in BASELINES]
    return all(low is not None and low > 0 for low in lows)
