"""Prompt sets: doubles are refused, phases are disjoint, seeds belong to the scene."""

from pathlib import Path

import pytest

from tests.support.repository import ROOT
from zimage_eval.config.model_spec import JudgeName
from zimage_eval.prompts.sets import (
    equal_shares,
    load_prompt_set,
    prompt_seeds,
    split_phases,
)


def write_set(folder: Path, num_prompts: int = 6) -> Path:
    for category in ("count", "object"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{category}.yaml").write_text(
            "".join(
                f"- id: {category}-{index}\n"
                f"  text: {category} number {index}\n"
                "  facts:\n"
                "    objects:\n"
                "    - name: circle\n"
                "      color: red\n"
                for index in range(num_prompts)
            )
        )
    return folder


def test_prompts_carry_category_and_facts(tmp_path: Path) -> None:
    prompts = load_prompt_set(write_set(tmp_path / "set"))
    assert len(prompts) == 12
    assert prompts[0].id == "count-0"
    assert prompts[0].category == "count"
    assert prompts[0].facts.objects[0].color == "red"


def test_phases_take_each_category_in_file_order_and_are_disjoint(tmp_path: Path) -> None:
    split = split_phases(load_prompt_set(write_set(tmp_path / "set")), 4, 8)
    assert [p.id for p in split.screen] == ["count-0", "count-1", "object-0", "object-1"]
    assert [p.id for p in split.confirm][:4] == ["count-2", "count-3", "count-4", "count-5"]
    assert not set(split.screen) & set(split.confirm)


@pytest.mark.parametrize(
    ("screen", "confirm", "message"),
    [
        (3, 4, "phases.screen.num_prompts: 3 prompts are not an equal number from each of the 2"),
        (4, 10, "category count: 2 prompts to screen and 5 to confirm are asked for, it has 6"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(
    tmp_path: Path, screen: int, confirm: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        split_phases(load_prompt_set(write_set(tmp_path / "set")), screen, confirm)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id: object-1\n", "id: object-0\n", "id 'object-0' stands twice"),
        ("id: object-1\n", "id: count-1\n", "id 'count-1' stands twice"),
        ("text: object number 1\n", "text: object number 0\n", "text 'object number 0' st"),
        ("id: object-1\n", "id: Object 1\n", "object.yaml: Object 1: id: String should match"),
        ("color: red", "colour: red", "object.yaml: object-0: facts.objects.0.colour"),
        ("  facts:", "  fact:", "object.yaml: object-0: unknown key 'fact', did you mean 'facts'"),
        ("- id: object-0\n  ", "- category: object\n  id: object-0\n  ", "category is the file's"),
        ("- id: object-0\n  ", "- word\n- ", "entry 0 is 'word'"),
    ],
)
def test_bad_prompts_are_refused_by_name(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write_set(tmp_path / "set") / "object.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError) as error:
        load_prompt_set(tmp_path / "set")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("text: object number 1\n", 'text: "  "\n', "object-1: text: holds nothing to read"),
        ("text: object number 1\n", 'text: "\\u200b\\u200d"\n', "holds nothing to read"),
        ("text: object number 1\n", 'text: "\\u00a0\\t"\n', "holds nothing to read"),
        ("text: object number 1\n", 'text: "a\\0b"\n', "holds the control character '\\x00'"),
        ("text: object number 1\n", 'text: "a\\x1bb"\n', "holds the control character"),
        ("text: object number 1\n", f"text: {'a b ' * 6000}\n", "at most 20000 characters"),
        (
            "text: object number 1\n",
            'text: " object  number 0 "\n',
            "text 'object number 0' stands",
        ),
        (
            "text: object number 1\n",
            'text: "object\\nnumber\\t0"\n',
            "text 'object number 0' stands",
        ),
        ("id: object-1\n", f"id: {'a' * 300}\n", "at most 200 characters"),
        ("id: object-1\n", 'id: "object-1\\n"\n', "object-1: id: String should match"),
        ("id: object-1\n", "id: ../object-1\n", "id: String should match"),
        ("id: object-1\n", "id: object:1\n", "id: String should match"),
        ("name: circle", "name: circle\n      count: 1" + "0" * 29, "objects.0.count: "),
        ("name: circle", "name: circle\n      count: 101", "less than or equal to 100, got 101"),
        ("name: circle", "name: circle\n      count: 0", "objects.0.count"),
    ],
)
def test_prompts_that_nobody_can_read_or_file_are_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = write_set(tmp_path / "set") / "object.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError) as error:
        load_prompt_set(tmp_path / "set")
    line = str(error.value)
    assert message in line and str(tmp_path / "set") in line
    assert "\n" not in line and len(line) < 700


@pytest.mark.parametrize(
    "name", ["extra.yml", "object.YAML", "more.json", "object.yaml.bak", "notes.txt", "folder"]
)
def test_what_would_be_left_out_is_named(tmp_path: Path, name: str) -> None:
    folder = write_set(tmp_path / "set")
    for beside in ("README.md", ".hidden.yml"):
        (folder / beside).touch()
    before = load_prompt_set(folder)
    assert len(before) == 12
    (folder / name).mkdir() if name == "folder" else (folder / name).touch()
    with pytest.raises(ValueError, match=f"{name}: is not read here; files to be read end in .yam"):
        load_prompt_set(folder)


@pytest.mark.parametrize("name", ["=cmd|x", "a b", "<img src=x>", "all", "été"])
def test_a_category_is_a_word(tmp_path: Path, name: str) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "object.yaml").rename(folder / f"{name}.yaml")
    with pytest.raises(ValueError, match="is no category: letters, digits, - and _, not 'all'"):
        load_prompt_set(folder)


RING = (
    "color: red\n    - name: ring\n    relations:\n    - {subject: 0, object: 1, relation: left of}"
)


@pytest.mark.parametrize(
    ("old", "new", "place", "word", "nearest"),
    [
        ("name: circle", "name: cirle", "objects.0.name", "cirle", "circle"),
        ("name: circle", "name: Circle", "objects.0.name", "Circle", "circle"),
        ("color: red", "color: purpel", "objects.0.color", "purpel", "purple"),
        ("color: red", "color: grey", "objects.0.color", "grey", "green"),
        ("color: red", "size: larg", "objects.0.size", "larg", "large"),
        ("color: red", "fill: stripped", "objects.0.fill", "stripped", "striped"),
        ("color: red", "position: centre", "objects.0.position", "centre", "center"),
        ("color: red", "color: red\n    background: wite", "background", "wite", "white"),
        ("color: red", "color: red\n    style: frame", "style", "frame", "framed"),
        ("color: red", RING, "relations.0.relation", "left of", "left_of"),
    ],
)
def test_a_fact_that_the_scene_judge_cannot_know_is_refused(
    tmp_path: Path, old: str, new: str, place: str, word: str, nearest: str
) -> None:
    path = write_set(tmp_path / "set") / "object.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError) as error:
        load_prompt_set(tmp_path / "set", "scenes")
    line = str(error.value)
    assert line.startswith(f"{path}: object-0: facts.{place}: ")
    assert f"{word!r}, did you mean {nearest!r}?" in line


def test_more_things_than_the_scene_judge_tells_apart_are_refused(tmp_path: Path) -> None:
    path = write_set(tmp_path / "set") / "object.yaml"
    text = path.read_text()
    path.write_text(text.replace("color: red", "count: 6", 1))
    load_prompt_set(tmp_path / "set", "scenes")
    path.write_text(text.replace("color: red", "count: 7", 1))
    with pytest.raises(
        ValueError, match=r"object-0: facts\.objects: 7 things in all; judge 'scenes'"
    ):
        load_prompt_set(tmp_path / "set", "scenes")


def test_a_detector_takes_any_name_but_not_any_color(tmp_path: Path) -> None:
    path = write_set(tmp_path / "set") / "object.yaml"
    path.write_text(path.read_text().replace("name: circle", "name: theremin"))
    load_prompt_set(tmp_path / "set", "detector")
    path.write_text(path.read_text().replace("color: red", "color: golden", 1))
    with pytest.raises(
        ValueError, match=r"object-0: facts\.objects\.0\.color: the judge knows no 'gol"
    ):
        load_prompt_set(tmp_path / "set", "detector")
    load_prompt_set(tmp_path / "set", "hand_labels")  # people know what is meant


@pytest.mark.parametrize(
    ("name", "judge"),
    [
        ("scenes", "scenes"),
        ("scene_concepts", "scenes"),
        ("scene_capabilities", "scenes"),
        ("natural", "detector"),
        ("natural_concepts", "detector"),
    ],
)
def test_the_repositorys_own_facts_are_known(name: str, judge: JudgeName) -> None:
    load_prompt_set(ROOT / "prompts" / name, judge)


def test_ids_with_one_file_name_are_refused(tmp_path: Path) -> None:
    path = write_set(tmp_path / "set") / "object.yaml"
    text = path.read_text().replace("object-0", "scene/a").replace("object-1", "scene_a")
    path.write_text(text)
    with pytest.raises(ValueError, match="file name 'scene_a' stands twice"):
        load_prompt_set(tmp_path / "set")


def test_a_missing_set_names_those_there_are(tmp_path: Path) -> None:
    write_set(tmp_path / "scenes")
    with pytest.raises(ValueError, match="no prompt files; the sets there are: scenes"):
        load_prompt_set(tmp_path / "scene")


def test_seeds_are_the_scenes() -> None:
    # Written down: other seeds would be other pictures.
    assert prompt_seeds("abc", 3) == (1561586467, 1666724172, 235280847)
    assert prompt_seeds("abc", 2) == prompt_seeds("abc", 3)[:2]
    assert prompt_seeds("abc/reworded", 2) == prompt_seeds("abc", 2)
    assert prompt_seeds("abd", 2) != prompt_seeds("abc", 2)
    seeds = [seed for index in range(1000) for seed in prompt_seeds(f"scene-{index}", 2)]
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize(("name", "num_categories"), [("scenes", 4), ("natural", 8)])
def test_the_repositorys_own_sets_have_enough_prompts(name: str, num_categories: int) -> None:
    folder = ROOT / "prompts" / name
    prompts = load_prompt_set(folder)
    assert len({prompt.category for prompt in prompts}) == num_categories
    split_phases(prompts, 64, 128)


@pytest.mark.parametrize(
    ("number", "ids"),
    [(0, []), (1, ["a-0"]), (3, ["a-0", "a-1", "b-0"]), (4, ["a-0", "a-1", "b-0", "b-1"])],
)
def test_prompts_are_taken_evenly(tmp_path: Path, number: int, ids: list[str]) -> None:
    for category in "ab":
        entries = [
            f"- {{id: {category}-{i}, text: {category} {i}, facts: {{objects: [{{name: cup}}]}}}}\n"
            for i in range(2)
        ]
        (tmp_path / f"{category}.yaml").write_text("".join(entries))
    prompts = load_prompt_set(tmp_path)
    assert [prompt.id for prompt in equal_shares(prompts, number)] == ids
    if number % 2 == 0:
        assert tuple(equal_shares(prompts, number)) == split_phases(prompts, number, 0).screen
    with pytest.raises(ValueError, match="category a: 3 prompts are asked for, it has 2"):
        equal_shares(prompts, 5)


def test_a_tag_is_one_of_those_there_are(tmp_path: Path) -> None:
    path = write_set(tmp_path / "set") / "object.yaml"
    text = path.read_text()
    path.write_text(text.replace("  facts:", "  tags: [portrait, long]\n  facts:", 1))
    first, second, *_ = [
        prompt for prompt in load_prompt_set(tmp_path / "set") if prompt.category == "object"
    ]
    assert (first.tags, second.tags) == (("portrait", "long"), ())
    path.write_text(text.replace("  facts:", "  tags: [potrait]\n  facts:", 1))
    with pytest.raises(ValueError, match=r"object-0: tags\.0: .*'portrait'"):
        load_prompt_set(tmp_path / "set")


def test_a_detector_takes_media_that_it_tells_apart(tmp_path: Path) -> None:
    path = write_set(tmp_path / "set") / "object.yaml"
    text = path.read_text()
    path.write_text(text.replace("  facts:\n", "  facts:\n    style: watercolour\n", 1))
    with pytest.raises(ValueError, match="'watercolour', did you mean 'watercolor'"):
        load_prompt_set(tmp_path / "set", "detector")


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ("{subject: 0, relation: above, object: 1}", "two of them are of the same objects"),
        ("{subject: 1, relation: below, object: 0}", "two of them are of the same objects"),
        ("{subject: 1, relation: above, object: 0}", "two of them are of the same objects"),
        ("{subject: 1, relation: left_of, object: 0}", None),
    ],
)
def test_relations_that_say_the_same_or_the_opposite_are_refused(
    tmp_path: Path, second: str, words: str | None
) -> None:
    relations = f"[{{subject: 0, relation: above, object: 1}}, {second}]"
    objects = "[{name: star}, {name: ring}]"
    (tmp_path / "relation.yaml").write_text(
        f"- id: a\n  text: a star\n  facts: {{objects: {objects}, relations: {relations}}}\n"
    )
    if words is None:
        assert len(load_prompt_set(tmp_path)[0].facts.relations) == 2
        return
    with pytest.raises(ValueError, match=words):
        load_prompt_set(tmp_path)
