"""questions/*.yaml: what is asked, what is known already, and the claim that decides."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from zimage_eval.claims import Claim, weigh_claim
from zimage_eval.contrasts import Row
from zimage_eval.evidence import Evidence, not_testable
from zimage_eval.frozen import Frozen, parse, read_yaml
from zimage_eval.statistics import rounded

Text = Annotated[str, StringConstraints(min_length=1)]


class Question(Frozen):
    """One question of the report, with its claim."""

    rows: Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
    """Its rows in the catalogue, such as A2 and Q-T2."""
    question: Text
    hypothesis: Text
    """What is claimed, as a sentence that a verdict can follow."""
    known: Annotated[tuple[Text, ...], Field(strict=False)]
    """What was published or is read in the code, with its source."""
    carries_over: Literal["exact", "method", "nano only"]
    """What of the answer holds for Z-Image."""
    claim: Claim
    follow_up: Annotated[tuple[Text, ...], Field(strict=False)]


def load_questions(folder: Path) -> dict[str, Question]:
    """Question by file name without ending, in order of file names.

    Raises:
        ValueError: a file is no question; one line that names the file and the key.
    """
    paths = sorted(folder.glob("*.yaml"))
    return {path.stem: parse(read_yaml(path), Question, str(path)) for path in paths}


def weigh_question(question: Question, rows: Sequence[Row], baseline: str) -> Evidence:
    """The evidence on a question's claim in the score table of its study.

    A rival that the study does not have, or that is the baseline itself (another model has other
    defaults), makes the claim one that this study can't test.
    """
    made = {row["variant"] for row in rows} - {baseline}
    lacking = [rival for rival in question.claim.rivals if rival not in made]
    if lacking:
        return not_testable(f"the study has no rival named {', '.join(map(repr, lacking))}")
    return weigh_claim(question.claim, rows, baseline)


def write_evidence(path: Path, evidence: Mapping[str, Evidence]) -> None:
    """Evidence by question as JSON, p-values to six digits."""
    plain = {}
    for name, one in evidence.items():
        p_values = {key: rounded(getattr(one, key)) for key in ("p_supported", "p_refuted")}
        plain[name] = one._asdict() | p_values
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


def read_evidence(path: Path) -> dict[str, Evidence]:
    """What `write_evidence` wrote."""
    plain = json.loads(path.read_text(encoding="utf-8"))
    return {name: Evidence(**{**one, "named": tuple(one["named"])}) for name, one in plain.items()}
