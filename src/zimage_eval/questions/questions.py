"""questions/*.yaml: what is asked, what is known already, and the claims that decide."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from zimage_eval.config.frozen import Frozen, parse, read_yaml, unknown, yaml_files
from zimage_eval.config.setting_groups import Count
from zimage_eval.questions.claims.claim import Claim
from zimage_eval.questions.claims.kinds import AnyClaim
from zimage_eval.questions.evidence import Place
from zimage_eval.questions.known import Known
from zimage_eval.questions.terms import CORRECTIONS_FILE, TERMS_FILE, Name

_ROW = re.compile(r"^(A\d+|Q-[A-Z]\d+)$")

Text = Annotated[str, StringConstraints(min_length=1)]
Texts = Annotated[tuple[Text, ...], Field(strict=False)]


class Effort(Frozen):
    """What an answer would take."""

    prompts: Count
    seeds: Count
    variants: Count
    forwards: Count = 8
    """Of a picture."""
    size: Name = "z-image-turbo"
    """The model whose measured seconds are taken."""

    @property
    def num_pictures(self) -> int:
        """Of all variants."""
        return self.prompts * self.seeds * self.variants


class SubQuestion(Frozen):
    """A question under a question: weighed, answered by numbers, known from elsewhere, or open."""

    question: Text
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    """By which sentences of the page repeat its claim's word."""
    claim: AnyClaim | None = None
    """Weighed like a page's own, but it only suggests."""
    answer: Text | None = None
    """A sentence whose numbers are references to results (`report.citations`)."""
    known: Text | None = None
    """What was published or is read in code, with its source in brackets: no result of this run."""
    open: Text | None = None
    """What an answer would take."""
    takes: Effort | None = None
    """How many pictures that is."""

    @model_validator(mode="after")
    def _answered_or_open(self) -> Self:
        is_answered = any(part is not None for part in (self.claim, self.answer, self.known))
        if is_answered == (self.open is not None):
            raise ValueError(
                f"{self.question!r}: needs a claim, an answer or what is known, or else `open`"
            )
        if self.takes is not None and self.open is None:
            raise ValueError(f"{self.question!r}: `takes` is of what is open")
        return self


class Question(Frozen):
    """One page of the report."""

    row: Annotated[str, StringConstraints(pattern=_ROW.pattern)]
    """Its row in the catalogue, such as A2 or Q-T2."""
    title: Text
    question: Text
    hypothesis: Text
    """What is claimed, as a sentence that a verdict can follow."""
    known: Texts
    """What was published or is read in the code, with its source."""
    method: Text
    carries_over: Literal["exact", "method", "nano only"]
    """What of the answer holds for Z-Image."""
    claim: AnyClaim
    """About these weights."""
    design: AnyClaim | None
    """Whether training otherwise would be better; null where no training was varied."""
    rule_changed: date
    """When a claim of this page last changed."""
    figures: Texts
    """PNG files under reports/figures/, the one that answers at a glance first."""
    results: Texts
    """Sentences whose numbers are references to results (`report.citations`)."""
    sub_questions: Annotated[tuple[SubQuestion, ...], Field(strict=False)]
    follow_up: Texts

    @property
    def claims(self) -> list[Claim]:
        """The primary claim, that on the design, those of sub-questions."""
        claims: list[Claim | None] = [self.claim, self.design]
        claims += [sub.claim for sub in self.sub_questions]
        return [claim for claim in claims if claim is not None]

    @property
    def sources(self) -> set[str]:
        """The studies and benchmarks that its claims are weighed on."""
        return {claim.source for claim in self.claims}

    @property
    def named_claims(self) -> dict[str, str]:
        """Part of the page by the name of its claim: the page's own and the sub-questions'."""
        names = {"weights": "weights", "design": "design"}
        subs = enumerate(self.sub_questions)
        return names | {sub.name: str(number) for number, sub in subs if sub.name is not None}

    @property
    def conclusions(self) -> list[str]:
        """All that says what came out."""
        return [*self.results, *(sub.answer for sub in self.sub_questions if sub.answer)]

    @property
    def sentences(self) -> list[str]:
        """All that may refer to results."""
        opens = [sub.open for sub in self.sub_questions if sub.open is not None]
        return [self.method, *self.conclusions, *opens]


def check_references(
    folder: Path, questions: Mapping[str, Question], known: Known
) -> Iterator[str]:
    """A line for each study, benchmark, variant, category or figure that is named and not known.

    Args:
        folder: of the questions' files.
        questions: by file name without ending.
        known: what there is.
    """
    for name, question in questions.items():
        path = folder / f"{name}.yaml"
        for figure in question.figures:
            if figure not in known.figures:
                there = [drawn for drawn in known.figures if drawn.split("/")[0] in figure]
                yield f"{path}: figures: no figure is {unknown(figure, sorted(there))}"
        for place, claim in places(name, question):
            for problem in claim.problems(known):
                yield f"{path}: claim of {place.part}: {problem}"


def load_questions(folder: Path) -> dict[str, Question]:
    """Question by file name without ending, in order of file names.

    Raises:
        ValueError: a file is no question or of another kind, or two are about one row; names the
            file and the key.
    """
    others = (TERMS_FILE, CORRECTIONS_FILE)
    paths = [path for path in yaml_files(folder) if path.name not in others]
    questions = {path.stem: parse(read_yaml(path), Question, str(path)) for path in paths}
    files: dict[str, str] = {}
    for name, question in questions.items():
        if question.row in files:
            raise ValueError(
                f"{folder}: {files[question.row]} and {name} are both about row {question.row}"
            )
        files[question.row] = name
    return questions


def places(name: str, question: Question) -> Iterator[tuple[Place, Claim]]:
    """Every claim of a page and where it stands."""
    yield Place(name, "weights"), question.claim
    if question.design is not None:
        yield Place(name, "design"), question.design
    for number, sub in enumerate(question.sub_questions):
        if sub.claim is not None:
            yield Place(name, str(number)), sub.claim
