import json
from collections.abc import Callable
from pathlib import Path

import pytest

from zimage_eval.metrics.signatures import read_signatures
from zimage_eval.output.results import (
    csv_lines,
    read_csv,
    read_results,
    write_csv,
    write_json,
    write_results,
)
from zimage_eval.questions.evidence import Evidence, GradedRung, RivalResult, read_evidence
from zimage_eval.report.scorecard import read_scorecard
from zimage_eval.studies.results import study_results
from zimage_eval.studies.summaries import Summary


def test_files_are_sorted_rounded_and_the_same_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics" / "study.json"
    write_results(path, {"study": {"b": {"z": 1 / 3, "a": None}, "a": {"n": 64.0}}})
    assert path.read_text() == (
        '{\n  "study": {\n    "a": {\n      "n": 64\n    },\n'
        '    "b": {\n      "a": null,\n      "z": 0.333333\n    }\n  }\n}\n'
    )
    first = path.read_bytes()
    write_results(path, read_results(path))
    assert path.read_bytes() == first


def test_rounding_hides_what_only_the_machine_decides(tmp_path: Path) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, value in zip(paths, (0.1 + 0.2, 0.3), strict=True):
        write_results(path, {"study": {"v": {"m": value}}})
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_is_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        write_results(tmp_path / "study.json", {"study": {"v": {"m": value}}})


def test_missing_results_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such results"):
        read_results(tmp_path / "study.json")


READERS = (read_results, read_signatures, read_evidence, read_scorecard)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no whole JSON"),
        (b'{"study": {"a": {"x": 1}', "no whole JSON"),
        (b'{\n"study": {"a": {"x": NaN}}}', "NaN is no finite number"),
        (b'{"study": {"a": {"x": 1e999}}}', "1e999 is no finite number"),
        (b"[" * 100_000, "no whole JSON"),
        (b"[]", "dictionary|mapping"),
        (b'{"study": 5}', "study: "),
        (b"null", "dictionary|mapping"),
        (b'{"caf\xe9": {}}', "^[^:]+:1: not UTF-8: byte 0xe9"),
        ('{"study": {}}'.encode("utf-16"), "not UTF-8: UTF-16"),
    ],
)
def test_damaged_json_is_named_in_one_line(
    tmp_path: Path, read: Callable[[Path], object], content: bytes, words: str
) -> None:
    path = tmp_path / "study.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:") and "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ['"5"', "true", "[1]", "{}"])
def test_a_result_is_a_number_or_null(tmp_path: Path, value: str) -> None:
    path = tmp_path / "study.json"
    path.write_text(f'{{"study": {{"a": {{"x": {value}}}}}}}')
    with pytest.raises(ValueError, match=rf"^{path}: study\.a\.x: "):
        read_results(path)


def test_evidence_is_held_to_its_words_and_ranges(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    rung = {
        "word": "more",
        "says": "yes",
        "p_value": 0.01,
        "is_full": True,
        "named": {"a": 0.01},
        "number_of": "a",
    }
    rival = {"variant": "a", "word": "more", "gain": 0.5, "low": None, "high": None, "saves": 4}
    whole = {
        "status": "weighed",
        "rungs": [rung],
        "reason": "",
        "num_prompts": 64,
        "baseline": "b",
        "margin": 0.1,
        "rivals": [rival],
        "sets": {"all": ["a", "b"]},
        "leaves_open": {"a": 0.02},
        "closest": "a",
        "num_needed": None,
    }
    path.write_text(json.dumps({"page": {"0": whole}}))
    [evidence] = read_evidence(path).values()
    assert evidence == Evidence(
        "weighed",
        rungs=(GradedRung("more", "yes", 0.01, True, (("a", 0.01),), "a"),),
        reason="",
        num_prompts=64,
        baseline="b",
        margin=0.1,
        rivals=(RivalResult("a", word="more", gain=0.5, low=None, high=None, saves=4),),
        sets=(("all", ("a", "b")),),
        leaves_open=(("a", 0.02),),
        closest="a",
    )
    changes: list[dict[str, object]] = [
        {"rungs": [rung | {"p_value": 1.5}]},
        {"rungs": [rung | {"says": "perhaps"}]},
        {"status": "wieghed"},
        {"num_prompts": -1},
        {"closest": 1},
    ]
    for change in changes:
        path.write_text(json.dumps({"page": {"0": whole | change}}))
        with pytest.raises(ValueError, match=rf"^{path}: page\.0\.{next(iter(change))}"):
            read_evidence(path)
    path.write_text(json.dumps({"page": {"0": {"status": "weighed"}}}))
    with pytest.raises(ValueError, match=rf"^{path}: page\.0\.rungs: missing"):
        read_evidence(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r": columns are \[\], not"),
        (b"a;b\n1;2\n", r": columns are \['a;b'\]"),
        (b"a,b\n1,2\n3", r":3: 1 fields, the header has 2"),
        (b"a,b\n1,2\n3,4,5\n", r":3: 3 fields, the header has 2"),
        (b"a,b\n1,2\n3,4", r": its last line is cut off"),
        (b'a,b\n1,"2\n3,4\n', r":2: unexpected end of data"),
        (b'a,b\n\n1,2\n"3"x,4\n', r":4: .* expected after"),
        (b"a,b\n1," + b"x" * 131_073 + b"\n", r":2: field larger than"),
        (b"a,b\n1,caf\xe9\n", r":2: not UTF-8: byte 0xe9"),
        ("a,b\n1,2\n".encode("utf-16"), r":1: not UTF-8: UTF-16"),
    ],
)
def test_a_damaged_csv_is_named_with_its_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{path}{words}"):
        read_csv(path, ["a", "b"])


def test_a_written_csv_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "tables" / "a.csv"
    rows = [('é, "b"', 1234567, 1 / 3), ("two\nlines", 0, None)]
    write_csv(path, ("name", "number", "share"), rows)
    assert path.read_bytes() == (
        'name,number,share\n"é, ""b""",1234567,0.333333\n"two\nlines",0,\n'.encode()
    )
    lines = read_csv(path, ("name", "number", "share"))
    assert [line.cells[0] for line in lines] == [row[0] for row in rows]
    assert [line.number(2) for line in lines] == [0.333333, None]
    with pytest.raises(ValueError, match="finite"):
        write_csv(path, ("share",), [(float("nan"),)])
    assert len(read_csv(path, ("name", "number", "share"))) == 2, "a refused table is not begun"


def test_json_keeps_letters_and_order_and_refuses_nan(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    write_json(path, {"b": "é", "a": [1]}, indent=1, sort_keys=False)
    assert path.read_bytes() == '{\n "b": "é",\n "a": [\n  1\n ]\n}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, [float("inf")])
    assert path.read_text(encoding="utf-8").startswith("{"), "a refused file is not begun"


def test_lines_know_their_place_and_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfa,b\r\n"1\n2",\x0c\r\n\r\n7,-2.5e1\r\n')
    header, first, last = csv_lines(path)
    assert (header.cells, first.cells) == (["a", "b"], ["1\n2", "\x0c"])
    assert (first.where, last.where) == (f"{path}:2", f"{path}:5")
    assert (last.whole_number(0), last.number(1)) == (7, -25.0)
    assert last._replace(cells=["", ""]).number(0) is None
    for cell in ("nan", "inf", "1e999", "x", "1,5"):
        with pytest.raises(ValueError, match=rf"^{path}:5: '{cell}' is no"):
            last._replace(cells=[cell]).number(0)
    for cell in ("", "-1", "1.0", "9" * 5000, "٣"):
        with pytest.raises(ValueError, match="is no whole number"):
            last._replace(cells=[cell]).whole_number(0)


def test_study_results_hold_screened_means_and_the_confirmed_contrast() -> None:
    summaries = [
        Summary("base", "screen", "coverage", "all", 64, 1.0),
        Summary("base", "screen", "alignment", "all", 64, 0.9, 0.8, 1.0),
        Summary("base", "screen", "alignment", "object", 16, 0.7),
        Summary("rival", "screen", "alignment", "all", 64, 0.8, 0.7, 0.9, -0.1, -0.2, 0.0),
        Summary("base", "confirm", "alignment", "all", 128, 0.95),
        Summary("rival", "confirm", "coverage", "all", 128, 0.5),
        Summary("rival", "confirm", "alignment", "all", 128, 0.85, 0.8, 0.9, -0.1, -0.15, -0.05),
        Summary("rival", "confirm", "lpips", "all", 128, 0.3, 0.2, 0.4),
        Summary("rival", "confirm", "sharpness", "all", 128, 500.0),
    ]
    assert study_results(summaries, "base") == {
        "base": {"coverage": 1.0, "num_prompts": 64, "alignment": 0.9},
        "rival": {"alignment": 0.8},
        "confirm": {
            "coverage": 0.5,
            "num_prompts": 128,
            "alignment_difference": -0.1,
            "alignment_difference_low": -0.15,
            "alignment_difference_high": -0.05,
            "lpips": 0.3,
            "lpips_low": 0.2,
            "lpips_high": 0.4,
        },
    }


def test_missing_confirmed_pictures_of_the_baseline_are_in_the_results() -> None:
    screened = Summary("base", "screen", "coverage", "all", 16, 1.0)
    missing = Summary("base", "confirm", "coverage", "all", 8, 0.0, note="8 of 8 images: E: no")
    results = study_results([screened, missing], "base")
    assert results["confirm"] == {"coverage": 0.0, "num_prompts": 8}
    whole = study_results([screened, missing._replace(mean=1.0, note="")], "base")
    assert "confirm" not in whole


@pytest.mark.parametrize(
    ("baseline", "rival", "coverage"),
    [(1.0, 1.0, 1.0), (0.5, 1.0, 0.5), (1.0, 0.5, 0.5), (0.75, 0.25, 0.25), (0.5, None, None),
     (None, 1.0, 1.0)],
)  # fmt: skip
def test_the_coverage_of_a_contrast_is_the_lower_one(
    baseline: float | None, rival: float | None, coverage: float | None
) -> None:
    summaries = [
        Summary("base", "confirm", "coverage", "all", 128, baseline),
        Summary("rival", "confirm", "coverage", "all", 128, rival),
    ]
    for rows in (summaries, summaries[::-1]):
        assert study_results(rows, "base")["confirm"] == {"coverage": coverage, "num_prompts": 128}
