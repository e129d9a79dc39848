"""The JSON that studies and benchmarks end in, {study: {variant: {metric: number or null}}}.

And how any JSON or CSV file of the project is written and read: equal content gives equal bytes,
and what is missing or damaged is named in one line.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

from pydantic import AllowInfNan, TypeAdapter, ValidationError

from zimage_eval.config.frozen import first_problem
from zimage_eval.statistics.estimates import rounded

NumberRow = Mapping[str, float | None]
"""The numbers of a variant or row, by metric."""
Results = Mapping[str, Mapping[str, NumberRow]]
"""Study, variant, metric. A number that does not exist is None; there is no NaN and no infinity."""

FiniteNumber = Annotated[float, AllowInfNan(False)]
_RESULTS: TypeAdapter[dict[str, dict[str, dict[str, FiniteNumber | None]]]] = TypeAdapter(
    dict[str, dict[str, dict[str, FiniteNumber | None]]]
)
Content = TypeVar("Content")


def write_results(path: Path, results: Results) -> None:
    """Write results with sorted keys and rounded numbers: equal results give equal bytes."""
    content = {
        study: {
            variant: {metric: rounded(value) for metric, value in metrics.items()}
            for variant, metrics in variants.items()
        }
        for study, variants in results.items()
    }
    write_json(path, content)


def read_results(path: Path) -> Results:
    """Results as they were written.

    Raises:
        ValueError: the file is missing or holds something else.
    """
    return read_json(path, _RESULTS, "no such results")


def write_json(path: Path, content: object, *, indent: int = 2, sort_keys: bool = True) -> None:
    """Write JSON; folders of the path are made.

    Args:
        path: of the file.
        content: what `json` can write, and no NaN.
        indent: number of spaces that each level is moved to the right.
        sort_keys: False where the order of keys is one that a reader wants to see.
    """
    text = json.dumps(
        content, indent=indent, sort_keys=sort_keys, allow_nan=False, ensure_ascii=False
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(
    path: Path, content: TypeAdapter[Content], if_missing: str = "no such file"
) -> Content:
    """The content of a JSON file.

    Args:
        path: of the file.
        content: what it must hold.
        if_missing: what the error says where there is no such file, such as what makes one.

    Raises:
        ValueError: the file is missing, is no JSON or holds something else, NaN or infinity; names
            it.
    """
    text = _read_text(path, if_missing)
    try:
        loaded = json.loads(text, parse_constant=_finite, parse_float=_finite)
        return content.validate_python(loaded, strict=True)
    except ValidationError as error:
        raise ValueError(f"{path}: {first_problem(error)}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: no whole JSON: {error}") from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


CsvCell = str | int | float | None


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[CsvCell]]) -> str:
    """A CSV file's text: a header and a line for each row.

    A float has 6 significant digits, None is empty.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([rounded(cell) if isinstance(cell, float) else cell for cell in row])
    return text.getvalue()


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[CsvCell]]) -> None:
    """Write `csv_text`; folders of the path are made."""
    text = csv_text(columns, rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")


class CsvLine(NamedTuple):
    """A line of a CSV file below its header."""

    where: str
    """File and number of the line, for errors."""
    cells: Sequence[str]
    """As many as the header has."""

    def number(self, index: int) -> float | None:
        """The number of a cell, None where it is empty; ValueError where it is no finite one."""
        cell = self.cells[index]
        if not cell:
            return None
        try:
            value = float(cell)
        except ValueError as error:
            raise ValueError(f"{self.where}: {cell!r} is no number") from error
        if not math.isfinite(value):
            raise ValueError(f"{self.where}: {cell!r} is no finite number")
        return value

    def whole_number(self, index: int) -> int:
        """The whole number of a cell; ValueError where it is none."""
        cell = self.cells[index]
        if not (cell.isascii() and cell.isdecimal() and len(cell) <= 18):
            raise ValueError(f"{self.where}: {cell!r} is no whole number")
        return int(cell)


def read_csv(path: Path, columns: Sequence[str], if_missing: str = "no such file") -> list[CsvLine]:
    """The lines of a CSV file that this project wrote.

    Args:
        path: of the file.
        columns: what its header must be.
        if_missing: what the error says where there is no such file.

    Raises:
        ValueError: it is missing or cut off, has other columns or a line that is none; names file
            and line.
    """
    text = _read_text(path, if_missing)
    header, *lines = [*_parse_csv(path, text)] or [CsvLine(str(path), ())]
    if tuple(header.cells) != tuple(columns):
        raise ValueError(f"{path}: columns are {list(header.cells)}, not {list(columns)}")
    if not text.endswith("\n"):
        raise ValueError(f"{path}: its last line is cut off")
    return lines


def csv_lines(path: Path) -> Iterator[CsvLine]:
    """Header and lines of any CSV file, the empty ones left out.

    Raises:
        ValueError: the file is missing, a line has more or fewer fields than the header, an
            unclosed quote or a field that is too long, or the file is not UTF-8 (with or without
            its mark); names file and line.
    """
    return _parse_csv(path, _read_text(path, "no such file"))


def _parse_csv(path: Path, text: str) -> Iterator[CsvLine]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    width, start = 0, 1
    try:
        for cells in reader:
            where, start = f"{path}:{start}", reader.line_num + 1
            if not cells:
                continue
            width = width or len(cells)
            if len(cells) != width:
                raise ValueError(f"{where}: {len(cells)} fields, the header has {width}")
            yield CsvLine(where, cells)
    except csv.Error as error:
        raise ValueError(f"{path}:{start}: {error}") from error


def _read_text(path: Path, if_missing: str) -> str:
    if not path.is_file():
        raise ValueError(f"{path}: {if_missing}")
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        is_utf_16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        kind = "UTF-16" if is_utf_16 else f"byte {data[error.start]:#04x}"
        raise ValueError(f"{path}:{line}: not UTF-8: {kind}") from error
