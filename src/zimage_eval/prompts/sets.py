"""Load prompt sets from YAML files, one for each category; split them into phases; give seeds."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypedDict

from pydantic import AfterValidator, Field, StringConstraints

from zimage_eval.config.frozen import Frozen, cut, parse, read_yaml, shown, yaml_files
from zimage_eval.config.model_spec import JudgeName
from zimage_eval.prompts.facts import Facts, check_words

PROMPT_ID = r"^[a-z0-9][a-z0-9_-]*(/[a-z0-9_-]+)?$"
CATEGORY = r"[A-Za-z0-9][A-Za-z0-9_-]*"
ALL_CATEGORIES = "all"  # a row of the results
LONGEST_ID = 200  # of its characters: image files are named by it, and file systems end at 255
LONGEST_TEXT = 20_000
Tag = Literal["portrait", "landscape", "long", "chinese", "text", "swapped", "inferred"]
"""What a prompt is an example of, whatever its category: prompts/README.md has the meanings."""


def _readable(text: str) -> str:
    kinds = {unicodedata.category(character) for character in text}
    if not any(kind[0] in "LNPS" for kind in kinds):
        raise ValueError(f"holds nothing to read: {shown(text)}")
    control = [c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    if control:
        raise ValueError(f"holds the control character {control[0]!r}")
    return text


class Prompt(Frozen):
    """A prompt's text, and the facts that a picture of it must show."""

    id: Annotated[str, StringConstraints(pattern=PROMPT_ID, max_length=LONGEST_ID)]
    """`<scene>` or `<scene>/<wording>`."""
    category: str
    """Name of the file it stands in."""
    text: Annotated[
        str, StringConstraints(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_readable)
    ]
    facts: Facts
    tags: Annotated[tuple[Tag, ...], Field(strict=False)] = ()
    """In no table: who reads prompts by kind looks here by id."""


class PhasePrompts(NamedTuple):
    """The prompts of the two phases; no prompt is in both."""

    screen: tuple[Prompt, ...]
    confirm: tuple[Prompt, ...]


def load_prompt_set(folder: Path, judge: JudgeName = "none") -> tuple[Prompt, ...]:
    """The prompts of `<folder>/<category>.yaml`, categories by name, prompts in file order.

    Args:
        folder: of the set.
        judge: of its pictures; the facts must be ones that it can judge, with "none" any will do.

    Raises:
        ValueError: there are no files or a file of another kind, a prompt is malformed, the judge
            can't know a fact, or two prompts share an id or a text; names it.
    """
    files = yaml_files(folder)
    if not files:
        names = sorted(path.name for path in folder.parent.glob("*/"))
        raise ValueError(f"{folder}: no prompt files; the sets there are: {', '.join(names)}")
    prompts = tuple(prompt for file in files for prompt in _load_category(file, judge))
    _refuse_doubles(folder, "id", [prompt.id for prompt in prompts])
    # Image files are named by id with "/" as "_", so those must differ too.
    _refuse_doubles(folder, "file name", [prompt.id.replace("/", "_") for prompt in prompts])
    _refuse_doubles(folder, "text", [" ".join(prompt.text.split()) for prompt in prompts])
    return prompts


def role_of_text(text: str, sets: Mapping[str, Sequence[Prompt]]) -> str:
    """The first role whose prompts hold the text: there the graph draws it; "main" if none does."""
    return next(
        (role for role, prompts in sets.items() if text in {prompt.text for prompt in prompts}),
        "main",
    )


def split_phases(prompts: Sequence[Prompt], num_screen: int, num_confirm: int) -> PhasePrompts:
    """Take the first prompts of each category to screen, the ones after them to confirm.

    Every category gives an equal share, in the order of the file.

    Raises:
        ValueError: a size is no multiple of the number of categories, or a category is too short.
    """
    by_category: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        by_category.setdefault(prompt.category, []).append(prompt)
    for phase, size in {"screen": num_screen, "confirm": num_confirm}.items():
        if size % len(by_category):
            raise ValueError(
                f"phases.{phase}.num_prompts: {size} prompts are not an equal number from each of "
                f"the {len(by_category)} categories {', '.join(by_category)}"
            )
    first, second = num_screen // len(by_category), num_confirm // len(by_category)
    for category, members in by_category.items():
        if len(members) < first + second:
            raise ValueError(
                f"category {category}: {first} prompts to screen and {second} to confirm are asked "
                f"for, it has {len(members)}"
            )
    return PhasePrompts(
        screen=tuple(p for members in by_category.values() for p in members[:first]),
        confirm=tuple(p for members in by_category.values() for p in members[first:][:second]),
    )


def equal_shares(prompts: Sequence[Prompt], number: int) -> list[Prompt]:
    """`number` prompts, as many of each category; of the first categories one more if need be.

    Raises:
        ValueError: a category is too short.
    """
    categories = list(dict.fromkeys(prompt.category for prompt in prompts))
    share, more = divmod(number, len(categories))
    chosen = []
    for index, category in enumerate(categories):
        members = [prompt for prompt in prompts if prompt.category == category]
        wanted = share + (index < more)
        if len(members) < wanted:
            raise ValueError(
                f"category {category}: {wanted} prompts are asked for, it has {len(members)}"
            )
        chosen += members[:wanted]
    return chosen


def first_of_each(prompts: Sequence[Prompt], number: int) -> list[Prompt]:
    """The first `number` prompts of each category, or all of them where it has fewer."""
    counts: dict[str, int] = {}
    kept = []
    for prompt in prompts:
        counts[prompt.category] = counts.get(prompt.category, 0) + 1
        if counts[prompt.category] <= number:
            kept.append(prompt)
    return kept


def prompt_seeds(prompt_id: str, num_seeds: int) -> tuple[int, ...]:
    """The seeds of a prompt, in `[0, 2**31)`; wordings of one scene share them, scenes don't."""
    scene = prompt_id.split("/")[0]
    return tuple(
        int.from_bytes(hashlib.sha256(f"{scene}#{index}".encode()).digest()[:4], "big") >> 1
        for index in range(num_seeds)
    )


class PromptRow(TypedDict):
    """A row of a PROMPTS table."""

    prompt_id: str
    category: str
    text: str
    facts: str
    """JSON of `Facts`."""
    seeds: list[int]


def prompt_rows(prompts: Sequence[Prompt], num_seeds: int) -> list[PromptRow]:
    """The rows of a phase's PROMPTS table."""
    return [
        {
            "prompt_id": prompt.id,
            "category": prompt.category,
            "text": prompt.text,
            "facts": prompt.facts.model_dump_json(),
            "seeds": list(prompt_seeds(prompt.id, num_seeds)),
        }
        for prompt in prompts
    ]


def _load_category(file: Path, judge: JudgeName) -> list[Prompt]:
    if not re.fullmatch(CATEGORY, file.stem) or file.stem == ALL_CATEGORIES:
        raise ValueError(
            f"{file}: {shown(file.stem)} is no category: letters, digits, - and _, "
            f"not {ALL_CATEGORIES!r}"
        )
    entries = read_yaml(file)
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{file}: must be a list of prompts, each with id, text, facts")
    prompts = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            raise ValueError(f"{file}: entry {index} is {shown(entry)}, not id, text, facts")
        where = f"{file}: {cut(str(entry.get('id', f'entry {index}')))}"
        if "category" in entry:
            raise ValueError(f"{where}: category is the file's name, not a key")
        prompt = parse({**entry, "category": file.stem}, Prompt, where)
        try:
            check_words(prompt.facts, judge)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        prompts.append(prompt)
    return prompts


def _refuse_doubles(folder: Path, what: str, values: Sequence[str]) -> None:
    earlier: set[str] = set()
    for value in values:
        if value in earlier:
            raise ValueError(f"{folder}: {what} {shown(value)} stands twice")
        earlier.add(value)
