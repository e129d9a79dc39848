"""Sentences whose numbers are looked up in results, so that none can be typed by hand.

`{study:variant:metric}` stands for a number of metrics/<study>.json, `{study:variant:metric:.1%}`
for the same in a Python format. A variant's name has no colon.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from zimage_eval.config.frozen import shown, unknown
from zimage_eval.output.results import Results
from zimage_eval.questions.questions import Question
from zimage_eval.studies.shown_numbers import MISSING

_REFERENCE = re.compile(r"\{([a-z0-9_]+):([^{}]+?):([A-Za-z0-9_.]+)(?::([^{}]+))?\}")


def cite(sentence: str, results: Mapping[str, Results]) -> str:
    """The sentence with its references replaced by numbers; a dash where there is none.

    Args:
        sentence: with references.
        results: by name of their file.
    """

    def look_up(match: re.Match[str]) -> str:
        value = _value(match, results)
        return MISSING if value is None else _shown(value, match[4] or "")

    return _REFERENCE.sub(look_up, sentence)


def cited_sources(sentence: str) -> set[str]:
    """Names of the results that a sentence refers to."""
    return {match[1] for match in _REFERENCE.finditer(sentence)}


def missing_references(sentence: str, results: Mapping[str, Results]) -> list[str]:
    """References of a sentence that have no number, as they are written."""
    found = _REFERENCE.finditer(sentence)
    return [match[0] for match in found if _value(match, results) is None]


def wrong_references(
    sentence: str, variants: Mapping[str, Collection[str]], measured: Collection[str]
) -> Iterator[str]:
    """What of a sentence can't become a number, whatever is measured; in words.

    Metrics and the rows of benchmarks are not looked at: they are known when there are results.

    Args:
        sentence: with references.
        variants: names by study.
        measured: names of the others that have results.
    """
    rest = _REFERENCE.sub("", sentence)
    if "{" in rest or "}" in rest:
        yield f"{shown(sentence)}: holds a brace that is of no {{result:row:metric}}"
    for match in _REFERENCE.finditer(sentence):
        source, row, form = match[1], match[2], match[4] or ""
        if source in variants:
            if row not in variants[source]:
                yield f"{match[0]}: no variant of {source} is {unknown(row, variants[source])}"
        elif source not in measured:
            yield f"{match[0]}: no result is {unknown(source, [*variants, *measured])}"
        try:
            format(0.5, form)
        except ValueError:
            yield f"{match[0]}: {form!r} is no format of a number"


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
        for words in wrong_references(sentence, variants, measured)
    ]


def _value(match: re.Match[str], results: Mapping[str, Results]) -> float | None:
    source, row, metric = match[1], match[2], match[3]
    return results.get(source, {}).get(source, {}).get(row, {}).get(metric)


def _shown(value: float, form: str) -> str:
    return format(value, form or ".3g").replace("-", "\N{MINUS SIGN}")
