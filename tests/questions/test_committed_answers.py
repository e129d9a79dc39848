"""Words on nano's committed evidence: those that its scores are known to bear, at either size."""

import math
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.fakes.fake_reports import word_of
from zimage_eval.questions.claims.study import StudyClaim
from zimage_eval.questions.evidence import Evidence, Place, read_evidence, read_full_evidence
from zimage_eval.questions.questions import load_questions, places
from zimage_eval.statistics.words import LEVEL, read_word

QUESTIONS = load_questions(Path("questions"))
CLAIMS = {
    place: claim for name, question in QUESTIONS.items() for place, claim in places(name, question)
}


class Known(NamedTuple):
    """A claim by what it compares, and its word with 64 prompts x 1 seed and with 512 x 2."""

    rule: str
    study: str
    rival: str
    small: str
    large: str
    metric: str = "alignment"
    baseline: str | None = None
    category: str | None = None


LAYER, BLOCK = "hidden_layer=", "empty_think_block"
KNOWN = (
    Known("keep", "hidden_layer", f"{LAYER}-3", "yes: keep", "yes: keep"),
    Known("best_by_kind", "hidden_layer", f"{LAYER}-3", "no: no", "no: no"),
    Known("higher", "hidden_layer", f"{LAYER}-1", "open", "open", "sharpness"),
    Known(
        "some_better",
        "hidden_layer",
        f"{LAYER}-3",
        "no: worse_size_open",
        "no: worse_more",
        category="composition",
    ),
    Known("some_better", "hidden_layer", f"{LAYER}-2+-3+-4", "no: worse_more", "no: worse_more"),
    Known("keep", "guidance", "guidance_scale=0.5", "yes: keep", "yes: keep"),
    Known("some_better", "guidance", "guidance_scale=1.5", "no: no_gain", "no: no_gain"),
    Known("some_kinds_gain", "guidance", "guidance_scale=1.0", "open", "no: no"),
    Known("keep", "shift_steps", "all", "yes: keep", "yes: keep"),
    Known(
        "some_better",
        "long_prompt",
        "chunked=480",
        "yes: more",
        "yes: more",
        baseline="filler_tokens=480",
    ),
    Known("keep", "steps", "all", "yes: keep", "yes: keep"),
    Known("some_kinds_gain", "steps", "num_inference_steps=32", "open", "no: no"),
    Known("keep", "chat_format", "all", "yes: keep", "yes: keep"),
    Known(
        "some_worse",
        "chat_format",
        "template",
        "no: no_difference",
        "no: no_difference",
        baseline=BLOCK,
    ),
    Known("some_worse", "chat_format", "bare", "yes: worse_size_open", "yes: worse_more"),
    Known("higher", "templates", "crisp", "open", "yes: more", "sharpness", "bare"),
    Known("some_better", "templates", "crisp", "no: no_gain", "no: no_gain", baseline="bare"),
)


def is_meant(claim: StudyClaim, known: Known) -> bool:
    named = ("all",) if claim.rivals == "all" else claim.rivals
    fields = (claim.rule, claim.study, claim.metric, claim.baseline, claim.category)
    meant = (known.rule, known.study, known.metric, known.baseline, known.category)
    return fields == meant and known.rival in named


def evidence_on(known: Known, evidence: dict[Place, Evidence]) -> Evidence:
    """By the first claim in the questions that compares what is known."""
    return next(
        evidence[place]
        for place, claim in CLAIMS.items()
        if isinstance(claim, StudyClaim) and is_meant(claim, known)
    )


@pytest.fixture(scope="module")
def small() -> dict[Place, Evidence]:
    return read_evidence(Path("reports/evidence.json"))


@pytest.fixture(scope="module")
def large() -> dict[Place, Evidence]:
    return read_full_evidence(Path("reports/full"), "nano")


each_known = pytest.mark.parametrize("known", KNOWN, ids=lambda k: f"{k.rule} {k.study} {k.rival}")


@each_known
def test_with_few_prompts(known: Known, small: dict[Place, Evidence]) -> None:
    assert word_of(evidence_on(known, small)) == known.small


@each_known
def test_with_many_prompts(known: Known, large: dict[Place, Evidence]) -> None:
    assert word_of(evidence_on(known, large)) == known.large


REGIONS = {
    "more": (1, math.inf),
    "less": (0, 1),
    "size_open": (0, math.inf),
    "worse_more": (-math.inf, -1),
    "worse_less": (-1, 0),
    "worse_size_open": (-math.inf, 0),
    "no_difference": (-1, 1),
    **dict.fromkeys(("no_gain", "no_rise", "not_all", "not_all_higher"), (-math.inf, 1)),
    **dict.fromkeys(("no_loss", "no_fall", "not_all_worse", "not_all_lower"), (-1, math.inf)),
    "differs_more": (1, math.inf),
    "differs_less": (0, 1),
    **dict.fromkeys(("no", "same_for_all"), (-math.inf, 1)),
    "keep": (-math.inf, 1),
    "keep_or_change": (0, 1),
    "change": (0, math.inf),
    "inside": (0, 1),
    "outside": (1, 2),
}
"""Word -> the truths that it claims, in margins; of keeping, what a rival gains."""


def test_two_sizes_never_contradict_each_other(
    small: dict[Place, Evidence], large: dict[Place, Evidence]
) -> None:
    """Words of two sizes nest: more prompts may say more, and nothing that was ruled out."""
    assert len(large) > 30
    for place, evidence in large.items():
        words = [read_word(size.rungs, LEVEL) for size in (small[place], evidence)]
        regions = [REGIONS[rung.word] for rung in words if rung is not None]
        if len(regions) == 2:
            assert max(low for low, _ in regions) < min(high for _, high in regions), place
