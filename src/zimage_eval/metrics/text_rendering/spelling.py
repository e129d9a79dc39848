"""Texts that a prompt wants written, and how far what is read in a picture is from them."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

QUOTED = re.compile(
    '"([^"]+)"|\u201c([^\u201d]+)\u201d|\u300c([^\u300d]+)\u300d|\u300e([^\u300f]+)\u300f'
    r"|(?<!\w)'(.+?)'(?!\w)"
    "|(?<!\\w)\u2018(.+?)\u2019(?!\\w)"
    r"|\b[Ll]etter ([A-Z])\b"
)
"""Between double quotes, Chinese corner brackets, or single quotes that are no apostrophes; and the
capital of words like `a red letter H`."""
_ONE_A_WORD = "\u3040-\u30ff\u3400-\u9fff"
"""Kana and Chinese characters: they are written without spaces."""
WORD = re.compile(rf"[{_ONE_A_WORD}]|[^\W_{_ONE_A_WORD}]+(?:'[^\W_{_ONE_A_WORD}]+)*")


def quoted_texts(prompt: str) -> list[str]:
    """The texts that a prompt quotes or names as a letter, in its order; no punctuation alone."""
    texts = ["".join(match.groups("")) for match in QUOTED.finditer(prompt)]
    return [text for text in texts if words(text)]


def words(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation; a Chinese character is a word."""
    return WORD.findall(_plain(text))


def word_accuracy(quoted: Iterable[str], lines: Iterable[str]) -> float:
    """Share of the quoted words that are read in some line, in any order.

    A word that is quoted twice must be read twice.
    """
    wanted = Counter(word for text in quoted for word in words(text))
    read = Counter(word for line in lines for word in words(line))
    return (wanted & read).total() / wanted.total()


def characters(text: str) -> str:
    """A text in small letters, without spaces."""
    return "".join(_plain(text).split())


def edit_distance(first: str, second: str) -> int:
    """Fewest insertions, deletions and substitutions of a character between two texts."""
    row = list(range(len(second) + 1))
    for i, character in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, counterpart in enumerate(second, start=1):
            substituted = diagonal + (character != counterpart)
            diagonal, row[j] = row[j], min(substituted, row[j] + 1, row[j - 1] + 1)
    return row[-1]


def nearest_lines(quoted: str, lines: Sequence[str]) -> tuple[int, str]:
    """Edit distance to the lines that are nearest to a quoted text, and these lines joined.

    Lines that follow each other count as one text, because a sign may break a text anywhere. Where
    nothing is nearer than no text at all, that is "". Both are compared as `characters`.
    """
    wanted, parts = characters(quoted), [characters(line) for line in lines]
    nearest = (len(wanted), "")
    for start in range(len(parts)):
        text = ""
        for part in parts[start:]:
            text += part
            if len(text) - len(wanted) >= nearest[0]:
                break  # more lines are only further away
            nearest = min(nearest, (edit_distance(wanted, text), text), key=lambda pair: pair[0])
    return nearest


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
