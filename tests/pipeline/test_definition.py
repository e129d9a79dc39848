"""dvc.yaml says all that decides an output: code by the import graph, values by their use."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.support.graph import ENTRIES, MODULES, PIPELINES, ROOT, STAGES, code_graph, module_path
from tests.support.param_use import Use, stage_use, use_of
from zimage_eval.config.frozen import read_yaml
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.params import Params, Study, load_params
from zimage_eval.output.code_lists import CODE_PACKAGES

each_stage = pytest.mark.parametrize("name", STAGES)
each_listed_stage = pytest.mark.parametrize("name", [name for name in STAGES if name != "code"])


def declared_params(name: str) -> set[str]:
    """Keys as `params:<key>` and `spec:<key>`, a study's as `study:<key>`."""
    found = set()
    for entry in STAGES[name].get("params", []):
        if isinstance(entry, dict):
            (file, keys), *others = entry.items()
            assert (file, others) == ("models/${model}.yaml", [])
            found |= {f"spec:{key}" for key in keys}
        elif study := re.fullmatch(r"studies\.(?:\$\{key\}|\w+)\.(\w+)", entry):
            found.add(f"study:{study[1]}")
        else:
            found.add(f"params:{entry}")
    return found


def path_patterns(name: str) -> list[str]:
    """The paths that a stage file writes out or has from its project, as patterns.

    What is filled in is anything but "/". The folders of code stand in the library, for `stale`.
    """
    tree = ast.parse(module_path(MODULES[name]).read_text(encoding="utf-8"))
    patterns = []
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Path" and call.args:
            parts = getattr(call.args[0], "values", [call.args[0]])
            patterns.append(
                "".join(
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[^/]+"
                    for part in parts
                )
            )
    if any(isinstance(node, ast.Name) and node.id == "CODE_PACKAGES" for node in ast.walk(tree)):
        patterns += [re.escape(folder.as_posix()) for folder in CODE_PACKAGES.values()]
    return patterns + sorted(stage_use(MODULES[name]).paths)


def declared_paths(name: str) -> list[str]:
    """Deps and outputs of a stage but the list of its code."""
    stage = STAGES[name]
    entries = [e for kind in ("deps", "outs", "metrics", "plots") for e in stage.get(kind, [])]
    paths = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
    return [path for path in paths if path != f"data/code/{name}.txt"]


@each_listed_stage
def test_all_code_is_one_dep(name: str) -> None:
    deps = STAGES[name]["deps"]
    code = [dep for dep in deps if dep.startswith(("data/code", "src", "stages"))]
    assert code == [f"data/code/{name}.txt"]
    assert code_graph().stage_modules()[name] == MODULES[name]


@each_stage
def test_every_value_that_a_stage_reads_is_a_param(name: str) -> None:
    used, declared = stage_use(MODULES[name]).params, declared_params(name)
    if "params:studies" in declared:  # all of all studies
        used = frozenset(key for key in used if not key.startswith("study:"))
    missing = {key for key in used if not any(_covers(key, other) for other in declared)}
    superfluous = {key for key in declared if not any(_covers(key, other) for other in used)}
    assert not missing, "missing from params"
    assert not superfluous, "superfluous in params"


def _covers(one: str, other: str) -> bool:
    """Whether one key is the other, or holds it."""
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


@each_stage
def test_paths_are_those_of_the_stage_file(name: str) -> None:
    def agree(pattern: str, path: str) -> bool:
        literal = pattern.replace("\\", "")
        inside = literal.startswith(path + "/")  # the stage reads a file of a declared folder
        return inside or re.match(rf"{pattern}(/|$)", path) is not None

    patterns, paths = path_patterns(name), declared_paths(name)
    settings = (r"params\.yaml", r"models/[^/]+\.yaml")
    undeclared = [p for p in patterns if p not in settings and not any(agree(p, x) for x in paths)]
    unwritten = [path for path in paths if not any(agree(pattern, path) for pattern in patterns)]
    assert not undeclared, "in the stage file alone"
    assert not unwritten, "in dvc.yaml alone"


READS: dict[str, tuple[set[str], set[str]]] = {
    "Project.open().study(key)": (set(), {r"data/studies/[^/]+\.json"}),
    "Project.open().studies": (set(), {"data/studies"}),
    "project = Project.open(model=study.model)\nproject.spec.judge": (
        {"spec:judge"},
        {r"models/[^/]+\.yaml"},
    ),
    "spec, size = Project.open().spec, 1\nspec.judge": (
        {"spec:judge", "params:model"},
        {r"models/[^/]+\.yaml"},
    ),
    "project = Project.open()\nproject.params.phases": ({"params:phases"}, {r"params\.yaml"}),
    "Project.open().benchmark('layers', PromptBenchmark)": ({"params:benchmarks.layers"}, set()),
    "load(Project.open().model_folder / 'vae')": ({"params:model"}, {"models/[^/]+/vae"}),
    "Project.open().prompt_rows('main', 'screen')": (
        set(),
        {r"data/prompts/main/screen\.parquet"},
    ),
    "Project.open().prompts(role='main').texts": (set(), {r"data/prompts/main/[^/]+\.parquet"}),
    "helper(Project.open())": ({"params:studies"}, {r"params\.yaml", "reports/x"}),
}
"""Lines of a stage, and the values and paths that they read."""


@pytest.mark.parametrize("lines", READS)
def test_what_a_project_reads_is_seen_in_the_stage(lines: str) -> None:
    text = (
        "def helper(given):\n    studies = given.params.studies\n    given.folder / 'reports/x'\n"
    )
    [helper] = ast.parse(text).body
    assert isinstance(helper, ast.FunctionDef)
    params, paths = READS[lines]
    assert use_of(ast.parse(lines), {"helper": [helper]}) == Use(
        frozenset(params), frozenset(paths)
    )


@each_listed_stage
def test_a_stage_opens_a_project_and_reads_no_settings_beside_it(name: str) -> None:
    text = module_path(MODULES[name]).read_text(encoding="utf-8")
    assert "Project.open(" in text
    assert not [word for word in ("load_params", "load_model_spec", "read_stud") if word in text]


@each_stage
def test_declared_params_exist(name: str) -> None:
    fields = {"params": Params, "spec": ModelSpec, "study": Study}
    for key in declared_params(name):
        kind, _, dotted = key.partition(":")
        model: Any = fields[kind]
        for part in dotted.split("."):
            kinds = [each for each in get_args(model) or (model,) if each is not type(None)]
            assert part in kinds[0].model_fields, key
            model = kinds[0].model_fields[part].annotation


@each_stage
def test_a_stage_is_one_module_that_tells_what_it_does(name: str) -> None:
    stage = STAGES[name]
    items = {None: "", "${studies}": " ${key}", "${comparison.models}": " ${item}"}
    taken = items[ENTRIES[name].get("foreach")]
    group = [path.parent.name for path in PIPELINES[1:] if name in read_yaml(path)["stages"]]
    assert stage["cmd"] == f"python -m {'.'.join(['stages', *group, name])}{taken}"
    assert stage.get("wdir") == ("../.." if group else None)
    assert stage["desc"]


def test_every_stage_file_is_a_stage() -> None:
    assert {"code": "stages.code", **code_graph().stage_modules()} == MODULES


def test_results_are_in_git_and_everything_big_is_not() -> None:
    for name, stage in STAGES.items():
        for kind in ("outs", "metrics", "plots"):
            for entry in stage.get(kind, []):
                (path, options), *_ = entry.items() if isinstance(entry, dict) else [(entry, {})]
                folder = path.split("/")[0]
                assert folder in ("data", "metrics", "reports"), name
                assert options.get("cache", True) is (folder == "data"), path


def test_every_study_can_be_a_stage() -> None:
    params = load_params(ROOT / "params.yaml")
    written = read_yaml(ROOT / "params.yaml")["studies"]
    for key in params.studies:
        # DVC refuses a stage whose params are missing from the file.
        assert set(written[key]) == {"question", "prompts", "vary", "variants", "confirm"}, key


@each_stage
def test_help_imports_no_torch(name: str) -> None:
    code = (
        "import atexit, runpy, sys; "
        "atexit.register(lambda: print('torch' in sys.modules)); "
        f"sys.argv = ['x', '--help']; runpy.run_module('{MODULES[name]}', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("usage: ")
    assert done.stdout.endswith("False\n")


LIGHT = (
    "config.params",
    "config.variants",
    "output.figures",
    "output.results",
    "output.tables",
    "prompts.facts",
    "prompts.sets",
    "report.report",
    "statistics.estimates",
    "studies.plan",
    "studies.results",
)


@pytest.mark.parametrize("module", LIGHT)
def test_light_modules_import_no_torch(module: str) -> None:
    code = f"import sys, zimage_eval.{module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_stage_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("modle: nano\n")
    done = subprocess.run(
        [sys.executable, "-m", "stages.build_prompt_sets"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: params.yaml: unknown key 'modle', did you mean 'model'?")
