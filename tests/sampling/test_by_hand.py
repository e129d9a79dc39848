"""`python -m zimage_eval generate` gives the graph's pixels, a grid of several, and one line."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import ZImagePipeline
from PIL import Image

from stages import build_prompt_sets, extract_embeddings, generate_images
from tests.support.projects.toy_project import PARAMS, SPEC, enter_project, save_yaml
from zimage_eval.cli.commands import main
from zimage_eval.output.png import decode_png
from zimage_eval.output.tables import IMAGES, PROMPTS, read_table
from zimage_eval.sampling import by_hand, painter

SCENES = {
    "object": ["a red circle", "a large blue star on a white background", "a small green square"],
    "relation": ["a red star left of a blue ring", "a lime cross above a pink heart", "a ring"],
}
STUDY = {
    "question": "?",
    "prompts": "main",
    "vary": {"encoder": {"hidden_layer": [-1, -2]}, "sampler": {"guidance_scale": [0.0, 1.0]}},
    "variants": {"mapped": {"encoder": {"hidden_layer": -3, "layer_map": "ridge"}}},
    "confirm": None,
}


@pytest.fixture
def project(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a prompt set of its own, no store, and two pictures a batch."""
    params = {
        **PARAMS,
        "phases": {
            "screen": {"num_prompts": 4, "num_seeds": 1},
            "confirm": {"num_prompts": 2, "num_seeds": 2},
        },
        "studies": {"both": STUDY},
    }
    enter_project(tmp_path, tiny_folder, params, monkeypatch, {**SPEC, "judge": "scenes"})
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    (tmp_path / "prompts" / "scenes").mkdir(parents=True)
    for category, texts in SCENES.items():
        entries = [
            {"id": f"{category}-{index}", "text": text, "facts": {"objects": [{"name": "star"}]}}
            for index, text in enumerate(texts)
        ]
        save_yaml(tmp_path / "prompts" / "scenes" / f"{category}.yaml", entries)
    return tmp_path


def generate(prompt: str, output: Path, *words: str, **values: object) -> int:
    changes = [
        part
        for key, value in values.items()
        for part in ("--set", f"{key.replace('__', '.')}={value}")
    ]
    return main(["generate", prompt, "--output", str(output), *changes, *words])


def graph_pictures() -> list[dict[str, Any]]:
    """Each picture of the study with its prompt's text and its file's bytes."""
    build_prompt_sets.main()
    extract_embeddings.main()
    generate_images.main("both")
    texts = {
        (phase, row["prompt_id"]): row["text"]
        for phase in ("screen", "confirm")
        for row in read_table(Path(f"data/prompts/main/{phase}.parquet"), PROMPTS).to_pylist()
    }
    folder = Path("data/images/both")
    return [
        {
            **row,
            "text": texts[row["phase"], row["prompt_id"]],
            "png": (folder / row["file"]).read_bytes(),
        }
        for row in read_table(folder / "images.parquet", IMAGES).to_pylist()
    ]


def test_pictures_of_the_graph_are_made_again_byte_for_byte(project: Path) -> None:
    rows = graph_pictures()
    assert max(row["batch_size"] for row in rows) == 2
    for row in rows:
        if row["variant"] == "mapped":
            changes: dict[str, object] = {
                "encoder__hidden_layer": -3,
                "encoder__layer_map": "ridge",
            }
        else:
            layer, scale = (part.split("=")[1] for part in row["variant"].split(","))
            changes = {"encoder__hidden_layer": layer, "sampler__guidance_scale": scale}
        output = project / "picture.png"
        assert generate(row["text"], output, "--seed", str(row["seed"]), **changes) == 0
        assert output.read_bytes() == row["png"], row


def test_another_prompt_is_the_pipelines_picture(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = project / "picture.png"
    assert generate("two small ducks", output, "--seed", "42") == 0
    pipe = ZImagePipeline.from_pretrained(project / "models" / "tiny")
    pipe.set_progress_bar_config(disable=True)
    expected = pipe(
        "two small ducks",
        height=16,
        width=24,
        num_inference_steps=2,
        guidance_scale=0.0,
        max_sequence_length=64,
        generator=torch.Generator("cpu").manual_seed(42),
        output_type="pt",
    ).images[0]
    pixels = decode_png(output.read_bytes())
    assert torch.equal(pixels, (expected * 255).round().to(torch.uint8))
    said = capsys.readouterr().out
    assert said.splitlines() == ["baseline: seed 42, 2 forwards, sigmas 1 0.75 0", str(output)]


def test_facts_come_from_the_option_the_prompt_set_or_the_words(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = project / "picture.png"
    cases: list[tuple[str, list[str], list[str]]] = [
        ("a red circle", [], ["shape: star", "count: 1 in all"]),  # what the set says
        ("A blue ring.", [], ["shape: ring", "color: blue ring", "count: 1 in all"]),
        ("x", ["--facts", '{"objects": [{"name": "H"}]}'], ["shape: H", "count: 1 in all"]),
        ("x", [], []),
    ]
    for prompt, words, facts in cases:
        assert generate(prompt, output, *words) == 0
        lines = capsys.readouterr().out.splitlines()[1:-1]
        assert [line.split(maxsplit=1)[1] for line in lines[: len(facts)]] == facts
        if facts:
            held = sum(line.startswith("  ✓") for line in lines)
            assert lines[-1] == f"  {held} of {len(facts)} facts hold"
        else:
            assert not lines


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ('{"objects": [{"name": "unicorn"}]}', "objects.0.name: the judge knows no 'unicorn'"),
        ('{"objects": [{"name": "H", "color": "plaid"}]}', "color: the judge knows no 'plaid'"),
        ('{"objects": [{"name": "H", "fill": "soild"}]}', "did you mean 'solid'?"),
        ('{"objects": [{"name": "H", "count": 9}]}', "9 things in all; judge 'scenes' tells 6"),
        ('{"objects": [{"name": "H", "count": %s}]}' % 10**29, "objects.0.count"),
    ],
)
def test_facts_that_the_judge_cannot_know_are_refused(
    project: Path, capsys: pytest.CaptureFixture[str], facts: str, words: str
) -> None:
    assert generate("x", project / "picture.png", "--facts", facts) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: --facts: ") and words in line and line.count("\n") == 1


def test_people_judge_what_they_have_looked_at(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, labels = project / "picture.png", project / "labels.csv"
    assert generate("a red star", output) == 0
    image = hashlib.sha256(output.read_bytes()).hexdigest()[:16]
    labels.write_text(f"image,fact,held\n{image},count 0,yes\n{image},shape 0,no\n")
    file = {"path": str(labels), "sha256": hashlib.sha256(labels.read_bytes()).hexdigest()}
    spec = {**SPEC, "judge": "hand_labels", "hand_labels": file}
    save_yaml(project / "models" / "tiny.yaml", spec)
    capsys.readouterr()
    assert generate("a red star", output) == 0
    said = capsys.readouterr().out.splitlines()[1:-1]
    assert said == ["  ✓ count: 1 red star", "  ✗ shape: star", "  1 of 2 facts hold"]
    assert generate("a red star", output, "--seed", "1") == 0
    assert "facts hold" not in capsys.readouterr().out
    save_yaml(
        project / "models" / "tiny.yaml", {**spec, "hand_labels": {**file, "sha256": "0" * 64}}
    )
    assert generate("a red star", output) == 1
    assert capsys.readouterr().err.startswith("error: hand_labels: ")


def test_several_values_are_a_grid_of_their_product(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, line, grid = (project / f"{name}.png" for name in ("one", "line", "grid"))
    assert generate("a red ring", one, sampler__shift="[3]") == 0
    assert Image.open(one).size == (24, 16)
    assert generate("a red ring", line, sampler__shift="[1,3,6]", refiner__refiner_blend=0.5) == 0
    names = [text for text in capsys.readouterr().out.splitlines() if "seed 0" in text]
    assert [name.split(":")[0] for name in names] == [
        "shift=3.0",
        "shift=1.0,refiner_blend=0.5",
        "shift=3.0,refiner_blend=0.5",
        "shift=6.0,refiner_blend=0.5",
    ]
    assert (
        generate("a red ring", grid, sampler__shift="[1,3,6]", refiner__refiner_blend="[0,1]") == 0
    )
    sizes = [Image.open(path).size for path in (line, grid)]
    assert sizes[0][0] > 3 * 128 and sizes[1][0] > 2 * 128
    assert sizes[1][1] > 3 * 128 > sizes[0][1]  # a row a shift


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "encoder.hidden_layer=-9"], "not available: hidden_layer -9: this text encod"),
        (
            ["--set", "encoder.hidden_layer=last"],
            "--set: encoder.hidden_layer: must be an index into",
        ),
        (
            ["--set", "encoder.hidden_layer=[]"],
            "--set: encoder.hidden_layer: needs at least one value",
        ),
        (["--set", "encoder.hiden=1"], "--set: encoder: unknown key 'hiden'"),
        (["--set", "hidden_layer=1"], "--set: 'hidden_layer=1': must be group.setting=value"),
        (["--set", "sampler.shift=[1"], "--set: sampler.shift:"),
        (
            ["--set", "sampler.shift=1", "--set", "sampler.shift=2"],
            "--set: sampler.shift: stands twice",
        ),
        (["--set", "image.height=20"], "image.height: 20 is not a multiple of 8"),
        (["--set", "rope.table_length=34"], "not available: 64 tokens: captions end at 32"),
        (["--set", "refiner.refiner_timestep=true"], "not available: refiner_timestep true"),
        (
            ["--set", "encoder.chat_template=false", "--set", "encoder.think_block=x"],
            "--set: encoder: think_block: 'x' needs a chat",
        ),
        (["--facts", "{"], "--facts: Invalid JSON"),
        (["--facts", "{}"], "--facts: objects: missing"),
        (["--model", "other"], "models/other.yaml: no such model 'other'"),
        (["--output", "picture.jpg"], "--output: picture.jpg: must be a file that ends in .png"),
        (["--output", "no/picture.png"], "--output: no/picture.png: there is no folder no"),
    ],
)
def test_bad_input_is_one_line_before_weights_load(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("weights are loaded")

    monkeypatch.setattr(by_hand, "load_text_encoder", refuse)
    monkeypatch.setattr(painter, "load_image_side", refuse)
    prompt = "a red star left of a blue ring and " * 4
    code = 2 if message.startswith("--") else 1
    assert generate(prompt, project / "picture.png", *words) == code
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1
    assert not (project / "picture.png").exists()


def test_a_prompt_of_no_tokens_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate("", project / "x.png", encoder__chat_template="false") == 1
    assert "'' has no tokens with chat_template false" in capsys.readouterr().err
    assert generate("", project / "x.png") == 0  # the chat format has some


def test_a_model_without_a_judge_takes_no_facts(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_yaml(project / "models" / "tiny.yaml", {**SPEC, "judge": "none"})
    facts = json.dumps({"objects": [{"name": "star"}]})
    assert generate("x", project / "x.png", "--facts", facts) == 2
    assert "--facts: nobody judges the pictures of this model" in capsys.readouterr().err
    assert generate("a red star", project / "x.png") == 0
    assert "facts hold" not in capsys.readouterr().out


def test_the_store_is_shared_with_the_graph(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", str(project / "store"))
    row = graph_pictures()[0]
    monkeypatch.setattr(painter, "load_image_side", lambda *_: pytest.fail("drawn again"))
    layer, scale = (part.split("=")[1] for part in row["variant"].split(","))
    changes = {"encoder__hidden_layer": layer, "sampler__guidance_scale": scale}
    assert generate(row["text"], project / "x.png", "--seed", str(row["seed"]), **changes) == 0
    assert (project / "x.png").read_bytes() == row["png"]


FLOAT32 = "text_encoder in float32, transformer in float32, vae in float32"


@pytest.mark.parametrize(
    "change",
    [
        "sampler.guidance_scale=1e+30",
        "sampler.guidance_scale=1e+300",
        "sampler.shift=1e+300",
        "sampler.shift=1e-300",
        "rope.linear_scaling=1e-300",
        "rope.ntk_scaling=1e+300",
        "rope.ntk_scaling=1e-300",
    ],
)
def test_a_picture_that_is_not_finite_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    assert generate("a red star", project / "x.png", "--set", change) == 1
    said = capsys.readouterr().err
    [line] = [text for text in said.splitlines() if "error" in text]
    assert "Warning" not in said
    name = change.split(".", 1)[1]
    assert line.startswith(f"error: {name}: the picture is not finite ({FLOAT32}); try bfloat16 or")
    assert not (project / "x.png").exists()


def test_a_picture_that_cant_be_written_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "x.png").symlink_to("/dev/full")
    assert generate("a red star", project / "x.png") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == f"error: --output: {project / 'x.png'}: No space left on device"


def test_the_number_formats_are_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dtype = {"text_encoder": "float32", "transformer": "float16", "vae": "bfloat16"}
    save_yaml(project / "models" / "tiny.yaml", {**SPEC, "dtype": dtype})
    assert generate("a red star", project / "x.png", sampler__guidance_scale=1e30) == 1
    formats = "text_encoder in float32, transformer in float16, vae in bfloat16"
    assert f"not finite ({formats}); try bfloat16 or float32" in capsys.readouterr().err


def test_too_little_memory_is_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr("zimage_eval.sampling.generation.denoise_batch", fail)
    assert generate("a red star", project / "x.png", sampler__shift=2.0) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: shift=2.0: out of memory at batch size 1 on cpu")


LONG = "a red star left of a blue ring and " * 4


@pytest.mark.parametrize(
    ("prompt", "changes", "cuts"),
    [
        ("a red star", {}, []),
        (LONG, {}, ["prompt"]),
        ("a red star", {"prompt__suffix": f"'{', and so on' * 12}'"}, ["prompt"]),
        ("a red star left of a blue ring", {"encoder__max_sequence_length": 16}, ["prompt"]),
        ("a red star", {"sampler__negative_prompt": LONG, "sampler__guidance_scale": 1},
         ["negative prompt"]),
        ("a red star", {"sampler__negative_prompt": LONG, "sampler__guidance_scale": 0}, []),
        (LONG, {"sampler__negative_prompt": LONG, "sampler__guidance_scale": 1},
         ["prompt", "negative prompt"]),
        (LONG, {"encoder__long_prompt": "pool"}, []),
        (LONG, {"encoder__long_prompt": "interpolate"}, []),
        (LONG, {"encoder__long_prompt": "chunk", "encoder__max_sequence_length": 40}, []),
    ],
)  # fmt: skip
def test_a_text_that_is_cut_off_is_told(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    prompt: str,
    changes: dict[str, object],
    cuts: list[str],
) -> None:
    assert generate(prompt, project / "x.png", **changes) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "is cut off" in line]
    limit = int(str(changes.get("encoder__max_sequence_length", 64)))
    assert [line.split(" is cut off")[0] for line in said] == [f"  the {name}" for name in cuts]
    for line in said:
        found = re.search(
            r": (\d+) of (\d+) tokens are read \(encoder\.max_sequence_length\)", line
        )
        assert found and int(found[1]) == limit < int(found[2])


def test_the_store_is_that_of_the_projects_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (project / ".dvc").mkdir()
    (project / ".dvc" / "config").write_text("[core]\n    no_scm = true\n")
    monkeypatch.delenv("ZIMAGE_EVAL_STORE")
    monkeypatch.chdir(elsewhere)
    command = ["generate", "a red star", "--output", str(elsewhere / "x.png")]
    assert main(["--folder", str(project), *command]) == 0
    assert list(project.rglob(".dvc/cache/zimage-eval-images/*/*.png"))
    assert [path.name for path in elsewhere.iterdir()] == ["x.png"]
