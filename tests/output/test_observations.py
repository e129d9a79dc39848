from pathlib import Path

import pytest

from zimage_eval.output.observations import Measurement, read_observations, write_observations

ONE = Measurement("bfloat16", "coffee", 0, "photograph", "psnr", 36.987654321)


def test_observations_come_back_sorted_and_rounded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "vae.csv"
    other = ONE._replace(variant="a, quoted", value=None)
    write_observations(path, [ONE, other])
    assert read_observations(path) == [other, ONE._replace(value=36.9877)]


@pytest.mark.parametrize("rows", [[ONE, ONE], [ONE._replace(value=float("nan"))]])
def test_what_can_not_be_written(tmp_path: Path, rows: list[Measurement]) -> None:
    with pytest.raises(ValueError, match=r"observed twice|not nan"):
        write_observations(tmp_path / "vae.csv", rows)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("variant,value\n", encoding="utf-8")
    with pytest.raises(ValueError, match="columns are"):
        read_observations(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="no such observations"):
        read_observations(tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a,u,0,c,psnr", "5 fields, the header has 6"),
        ("a,u,0,c,psnr,3.5,x", "7 fields, the header has 6"),
        ("a,u,x,c,psnr,3.5", "'x' is no whole number"),
        ("a,u,0,c,psnr,nan", "'nan' is no finite number"),
        ("a,u,0,c,psnr,3.5.", "'3.5.' is no number"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "a.csv"
    write_observations(path, [ONE])
    path.write_text(f"{path.read_text()}{line}\n")
    with pytest.raises(ValueError, match=rf"^{path}:3: {words}"):
        read_observations(path)
    path.write_text(path.read_text()[: path.read_text().index(line) - 2])
    with pytest.raises(ValueError, match=rf"^{path}: its last line is cut off"):
        read_observations(path)
