import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages import compute_scores, measure_judge
from tests.support.synthetic_study import write_project
from zimage_eval.cli.commands import main
from zimage_eval.config.measuring import PinnedFile
from zimage_eval.metrics.judges.errors import SharedFact, judge_errors, judge_results, shared_facts
from zimage_eval.metrics.judges.hand_labels import HandLabels, read_hand_labels
from zimage_eval.metrics.judges.judges import Picture, hand_judge
from zimage_eval.metrics.judges.label_sheets import questions
from zimage_eval.output.results import read_results
from zimage_eval.output.tables import FACTS, read_table
from zimage_eval.prompts.facts import Facts, ObjectFact, RelationFact

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
        tmp_path, "aa,color 0,yes,", "aa,background,NO,x", "bb,color 0,,", "aa,color 0,yes,"
    )
    assert read_hand_labels(file) == {"aa": {"color 0": True, "background": False}}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["aa,color 0,perhaps,"], r"labels\.csv:2: held: 'perhaps'"),
        (["aa,color 0,yes,", "aa,colour 0,yes,"], r"labels\.csv:3: fact: 'colour', did you mean"),
        (["aa,color x,yes,"], "'x' is no index"),
        (["aa,color 0,yes,", "aa,color 0,no,"], r":3: aa color 0 was labeled otherwise"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_hand_labels(written(tmp_path, *lines))


def test_another_file_than_declared_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "aa,color 0,yes,")
    written(tmp_path, "aa,color 0,no,")
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
    found = read_results(Path("reports/judge.json"))["judge"]
    assert 10 <= found["all"]["num_images"] <= 20  # type: ignore[operator]
    assert found["shape"]["agreement"] == found["background"]["agreement"] == 1
    assert found["color"]["agreement"] == 0
    assert 0 < found["all"]["agreement"] < 1  # type: ignore[operator]
    assert main(["label-sheet", *arguments[:3], "9999", "--seed", "0"]) == 2
    assert "9999 pictures are asked for" in capsys.readouterr().err
