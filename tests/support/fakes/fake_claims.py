"""Claims as a question's file has them, and made-up measurements to weigh them on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from zimage_eval.output.observations import Measurement
from zimage_eval.output.results import NumberRow
from zimage_eval.questions.claims.claim import Claim
from zimage_eval.questions.claims.kinds import AnyClaim
from zimage_eval.questions.measurements import Measurements, StudyScores
from zimage_eval.questions.terms import load_terms

TERMS = load_terms(Path("questions"))


def claim_of(**fields: object) -> Claim:
    """The claim that an entry of a question's file is."""
    return TypeAdapter[Claim](AnyClaim).validate_python(fields)


def measure(
    studies: Mapping[str, StudyScores] = {},
    observations: Mapping[str, Sequence[Measurement]] = {},
    results: Mapping[str, Mapping[str, NumberRow]] = {},
) -> Measurements:
    """What was measured, on the terms of questions/terms.yaml."""
    return Measurements(studies=studies, observations=observations, results=results, terms=TERMS)


def observe(means: Mapping[str, float], num_units: int = 12) -> list[Measurement]:
    """PSNR of photographs by arm, a little above each arm's mean; more so in later arms."""
    return [
        Measurement(arm, f"photo-{unit}", 0, "photograph", "psnr", mean + 0.01 * (unit % 3) * place)
        for place, (arm, mean) in enumerate(means.items(), 1)
        for unit in range(num_units)
    ]
