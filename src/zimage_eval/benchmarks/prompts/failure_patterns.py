"""Which facts, words and numbers of objects fail, and whether the prompt or the seed does."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy import stats

from zimage_eval.benchmarks.prompts.failure_detectors import ANOMALIES, BASELINES
from zimage_eval.benchmarks.prompts.trial_tables import JudgedTrial
from zimage_eval.benchmarks.prompts.trials import CROWD, PAIR, PROMPT_SET, RELATION_WORD
from zimage_eval.output.observations import Measurement
from zimage_eval.output.results import NumberRow
from zimage_eval.prompts.facts import FACT_KINDS
from zimage_eval.statistics.estimates import estimate
from zimage_eval.statistics.multiplicity import holm

ALPHA = 0.05


def _share(values: Iterable[bool]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None


def prompt_and_seed(judged: Sequence[JudgedTrial]) -> dict[str, float | None]:
    """How failures spread over prompts and seeds, and the prompts' share of the variance.

    The share is the intraclass correlation of success (one-way analysis of variance): 0 when only
    seeds decide, 1 when only prompts do.
    """
    rates = np.array([one.success_rate for one in judged])
    sizes = {len(one.held) for one in judged}
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
    """By kind of fact, how often it fails, over the prompts that state it."""
    rows: dict[str, dict[str, float | None]] = {}
    for kind in FACT_KINDS:
        shares = [
            share
            for one in judged
            if (share := _share(held for name, held in _facts(one) if name.split()[0] == kind))
            is not None
        ]
        if shares:
            found = estimate([1 - share for share in shares], (0, 1))
            rows[f"fact={kind}"] = {
                "failure_rate": found.mean,
                "failure_rate_low": found.low,
                "failure_rate_high": found.high,
                "num_prompts": found.num_prompts,
            }
    return rows


def _facts(one: JudgedTrial) -> list[tuple[str, bool]]:
    return [fact for facts in one.held.values() for fact in facts.items()]


def level_rows(judged: Sequence[JudgedTrial], group: str) -> dict[str, dict[str, float | None]]:
    """Success of each level of a group, and whether it is rarer than in the group's other levels.

    For words of a relation, success is that of the relation itself. The p-value is one-sided, by
    Fisher's exact test of pictures for pairs, whose pictures are one prompt's, and by Mann and
    Whitney's test of prompts elsewhere; Holm's correction goes over the levels.
    """
    shares: dict[str, list[list[bool]]] = {}
    for one in judged:
        if one.trial.group == group:
            shares.setdefault(one.trial.level, []).append(_successes(one, group))
    if len(shares) < 2:
        return {}
    p_values = [_p_rarer(shares, level, group) for level in shares]
    rows: dict[str, dict[str, float | None]] = {}
    for (level, prompts), p_value in zip(shares.items(), holm(p_values), strict=True):
        found = estimate([float(np.mean(seeds)) for seeds in prompts], (0, 1))
        rows[f"{group}={level}"] = {
            "success_rate": found.mean,
            "success_rate_low": found.low,
            "success_rate_high": found.high,
            "num_prompts": found.num_prompts,
            "p_rarer_than_others": p_value,
        }
    return rows


def _successes(one: JudgedTrial, group: str) -> list[bool]:
    if group == RELATION_WORD:
        return [facts["relation 0"] for facts in one.held.values()]
    return list(one.success.values())


def _p_rarer(shares: Mapping[str, list[list[bool]]], level: str, group: str) -> float:
    own = shares[level]
    others = [prompt for other, prompts in shares.items() if other != level for prompt in prompts]
    if group == PAIR:
        counts = [
            [sum(map(sum, prompts)), sum(map(len, prompts)) - sum(map(sum, prompts))]
            for prompts in (own, others)
        ]
        return float(stats.fisher_exact(counts, alternative="less")[1])
    rates = [[float(np.mean(prompt)) for prompt in prompts] for prompts in (own, others)]
    p_value = float(stats.mannwhitneyu(*rates, alternative="less", method="asymptotic")[1])
    return p_value if math.isfinite(p_value) else 1.0  # all agree


def failing_levels(rows: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """Names of the rows whose level fails more often than the others, at 5 % after correction."""
    return [
        n for n, row in rows.items() if (p := row["p_rarer_than_others"]) is not None and p < ALPHA
    ]


def pattern_rows(judged: Sequence[JudgedTrial]) -> dict[str, dict[str, float | None]]:
    """All of it by name of the row; of pairs, only those that fail."""
    own = [one for one in judged if one.trial.group == PROMPT_SET]
    rows = {"prompt_set": prompt_and_seed(own), "all_trials": prompt_and_seed(judged)}
    rows |= kind_rates(own)
    rows |= level_rows(judged, RELATION_WORD)
    rows |= level_rows(judged, CROWD)
    pairs = level_rows(judged, PAIR)
    rows |= {name: pairs[name] for name in failing_levels(pairs)}
    return rows


def pattern_observations(judged: Sequence[JudgedTrial]) -> list[Measurement]:
    """Success of every picture: the relation's for words, all facts' elsewhere."""
    return [
        Measurement(
            f"{one.trial.group}={one.trial.level}",
            one.trial.trial_id,
            replicate,
            one.trial.group,
            "success",
            float(success),
        )
        for one in judged
        for replicate, success in enumerate(_successes(one, one.trial.group))
    ]


def failure_checks(rows: Mapping[str, NumberRow]) -> dict[str, float | None]:
    """By statement, 1.0 where it holds."""
    levels = {name: row for name, row in rows.items() if "p_rarer_than_others" in row}
    failing = failing_levels(levels)
    scaled = [row for name, row in rows.items() if name.startswith("scale=")]
    foretold = any(_beats_all(rows[f"detector={name}"]) for name in ANOMALIES)
    return {
        "scaling_embeddings_changes_no_picture": float(
            all(row["pictures_that_change"] == 0 for row in scaled)
        ),
        "one_channel_alone_changes_pictures": float(
            (rows["one_channel_times_50"]["pictures_that_change"] or 0) > 0
        ),
        "some_relation_word_fails": float(any(n.startswith("relation_word=") for n in failing)),
        "some_color_and_shape_fail_together": float(any(n.startswith("pair=") for n in failing)),
        "some_number_of_objects_fails": float(any(n.startswith("crowd=") for n in failing)),
        "an_embedding_detector_beats_length_words_and_vocabulary": float(foretold),
    }


def _beats_all(row: NumberRow) -> bool:
    lows = [row[f"gain_over_{baseline}_low"] for baseline in BASELINES]
    return all(low is not None and low > 0 for low in lows)
