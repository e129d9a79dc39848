"""Sentences whose numbers, names and judgements are computed, so that none can be typed by hand.

`{study:variant:metric}` stands for a number of metrics/<study>.json, `{study:variant:metric:.1%}`
for the same in a Python format. A variant's name has no colon, unless a space follows it. What is
computed from several numbers is a piece, `{difference|study:variant:metric|study:other:metric|.2f}`
(`report.pieces`).
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from zimage_eval.config.frozen import shown, unknown
from zimage_eval.output.results import Results
from zimage_eval.questions.questions import Question
from zimage_eval.report.pieces import (
    PIECES,
    REFERENCE,
    Citable,
    is_format,
    number_of,
    piece_problems,
    piece_sources,
    show_number,
    split_reference,
)
from zimage_eval.studies.shown_numbers import MISSING

_BRACES = re.compile(r"\{([^{}]*)\}")
_NUMBER = re.compile(rf"(?P<number>{REFERENCE})(?::(?P<format>[^{{}}|]+))?")


def cite(
    sentence: str, results: Mapping[str, Results], words: Mapping[str, str] | None = None
) -> str:
    """The sentence with references and pieces replaced; a dash where a number is missing.

    Args:
        sentence: with references.
        results: by name of their file.
        words: the graded word of each claim of the page, by the claim's name.
    """
    citable = Citable(results, words or {})

    def look_up(match: re.Match[str]) -> str:
        if not _is_citation(match[1]):
            return match[0]
        text = _text(match[1], citable)
        return MISSING if text is None else text

    return _BRACES.sub(look_up, sentence)


def cited_sources(sentence: str) -> set[str]:
    """Names of the results that a sentence refers to."""
    sources: set[str] = set()
    for content in _contents(sentence):
        if "|" in content:
            sources |= piece_sources(content)
        elif match := _NUMBER.fullmatch(content):
            sources.add(match["number"].split(":")[0])
    return sources


def missing_references(sentence: str, results: Mapping[str, Results]) -> list[str]:
    """References and pieces of a sentence that have no number, as they are written.

    Words of claims are not looked at: they are known when claims are weighed.
    """
    citable = Citable(results, {})
    return [
        f"{{{content}}}"
        for content in _contents(sentence)
        if content.split("|")[0] != "word"
        and _is_citation(content)
        and _text(content, citable) is None
    ]


def wrong_references(
    sentence: str,
    variants: Mapping[str, Collection[str]],
    measured: Collection[str],
    claims: Sequence[str] = (),
) -> Iterator[str]:
    """What of a sentence can't become a number, whatever is measured; in words.

    Metrics and the rows of benchmarks are not looked at: they are known when there are results.

    Args:
        sentence: with references.
        variants: names by study.
        measured: names of the others that have results.
        claims: names of the page's claims.
    """
    rest = _BRACES.sub(lambda match: "" if _is_citation(match[1]) else match[0], sentence)
    if "{" in rest or "}" in rest:
        yield f"{shown(sentence)}: holds a brace that is of no {{result:row:metric}}"
    for content in _contents(sentence):
        if "|" in content:
            for problem in piece_problems(content, claims):
                yield f"{{{content}}}: {problem}"
        elif (match := _NUMBER.fullmatch(content)) and not is_format(match["format"] or ""):
            yield f"{{{content}}}: {match['format']!r} is no format of a number"
        for problem in _unknown_names(content, variants, measured):
            yield f"{{{content}}}: {problem}"


def wrong_citations(
    folder: Path,
    questions: Mapping[str, Question],
    variants: Mapping[str, Collection[str]],
    measured: Collection[str],
) -> list[str]:
    """`wrong_references` of every sentence of the questions, a line each that begins with the file.

    Args:
        folder: of the questions' files.
        questions: by file name without ending.
        variants: names by study.
        measured: names of the others that have results.
    """
    return [
        f"{folder / name}.yaml: {words}"
        for name, question in questions.items()
        for sentence in question.sentences
        for words in wrong_references(sentence, variants, measured, [*question.named_claims])
    ]


def _contents(sentence: str) -> list[str]:
    """What stands between braces."""
    return [match[1] for match in _BRACES.finditer(sentence)]


def _is_citation(content: str) -> bool:
    return "|" in content or _NUMBER.fullmatch(content) is not None


def _text(content: str, citable: Citable) -> str | None:
    if "|" in content:
        name, *arguments = content.split("|")
        return PIECES[name].text(citable, arguments) if name in PIECES else None
    match = _NUMBER.fullmatch(content)
    value = number_of(citable.results, match["number"]) if match else None
    return None if match is None or value is None else show_number(value, match["format"] or "")


def _unknown_names(
    content: str, variants: Mapping[str, Collection[str]], measured: Collection[str]
) -> Iterator[str]:
    """Sources and variants that are not known."""
    references = content.split("|")[1:] if "|" in content else [content]
    for reference in references:
        match = _NUMBER.fullmatch(reference)
        parts = split_reference(match["number"]) if match else None
        if parts is None:
            continue
        source, row, _ = parts
        if source in variants:
            if not any(fnmatchcase(name, row) for name in variants[source]):
                yield f"no variant of {source} is {unknown(row, variants[source])}"
        elif source not in measured:
            yield f"no result is {unknown(source, [*variants, *measured])}"
