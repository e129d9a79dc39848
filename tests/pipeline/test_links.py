"""Every file that a document names exists, and every relative link leads somewhere."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.graph import ROOT, STAGES

LIBRARY = ROOT / "src" / "zimage_eval"
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
PATH = re.compile(r"^[\w.${}<>*,-]+(/[\w.${}<>*,-]*)+$")
FILE_NAME = re.compile(r"^[\w-]+\.(md|yaml|toml|cff|lock|py)$")
FILLED_IN = re.compile(r"\$\{\w+\}|<[\w -]+>|\*")
EXAMPLES = {
    "docs/how-to/study.md": ("guided_shift",),
    "docs/how-to/benchmark.md": ("prompt_lengths",),
    "docs/how-to/question.md": ("half-the-steps", "ratio.py", "none_worse"),
    "docs/how-to/metric.md": ("rms_contrast",),
    "docs/how-to/model.md": ("nano-tuned",),
    "docs/how-to/judge.md": ("palette.py",),
}
"""What the how-to pages make; `test_how_to` sees that they do."""
OLD_NAMES = {"CHANGELOG.md"}
"""Documents that name what is no more."""


def tracked(*patterns: str) -> list[str]:
    """Files of the work tree that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(name for name in set(done.stdout.splitlines()) if (ROOT / name).is_file())


FILE_NAMES = {Path(name).name for name in tracked()}
DOCUMENTS = [name for name in tracked("*.md") if not name.startswith("reports/")]


def written_paths() -> list[str]:
    """What the stages write, with `*` for a study or a model."""
    kinds = ("outs", "metrics", "plots")
    entries = [e for stage in STAGES.values() for kind in kinds for e in stage.get(kind, [])]
    paths = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
    return [FILLED_IN.sub("*", path) for path in paths]


def users_paths() -> list[str]:
    """Models and networks that a user puts there: .gitignore names them."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    return [line.strip("/*") for line in lines if line.startswith(("/models/", "/.venv"))]


def alternatives(path: str) -> list[str]:
    """`a/{b,c}` as `a/b` and `a/c`."""
    braces = re.search(r"(?<!\$)\{([^{}]*)\}", path)
    if braces is None:
        return [path]
    before, after = path[: braces.start()], path[braces.end() :]
    return [full for part in braces[1].split(",") for full in alternatives(before + part + after)]


def exists(path: str, document: str) -> bool:
    """Whether it is in the work tree, is written by a stage, or is for a user to make.

    A name without a folder may be that of any file. DVC writes a dvc.lock beside a dvc.yaml.
    """
    pattern = FILLED_IN.sub("*", path).rstrip("/").replace("dvc.lock", "dvc.yaml")
    if "/" not in pattern and pattern in FILE_NAMES:
        return True
    if any(list(root.glob(pattern)) for root in (ROOT, LIBRARY, (ROOT / document).parent)):
        return True
    parts = pattern.split("/")
    for place in [*written_paths(), *users_paths()]:
        declared = place.split("/")
        shared = list(zip(parts, declared, strict=False))
        inside = len(parts) >= len(declared) or place.startswith(pattern + "/")
        if inside and all(a == b or "*" in (a, b) for a, b in shared):
            return True
    return False


def named_paths(text: str) -> list[str]:
    """What is in backticks and looks like a file of this repository; `::name` is left out."""
    folders = {path.name for root in (ROOT, LIBRARY) for path in root.iterdir()} | {"data"}
    spans = [span.split("::")[0] for span in CODE.findall(FENCE.sub("", text))]
    return [
        span
        for span in spans
        if FILE_NAME.match(span) or (PATH.match(span) and span.split("/")[0] in folders)
    ]


def defines(path: Path, name: str) -> bool:
    """Whether a Python file defines a function, class or constant."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = {getattr(target, "id", None) for target in targets} | {getattr(node, "name", None)}
        if name in names:
            return True
    return False


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    examples = EXAMPLES.get(document, ())
    missing = []
    for written in named_paths(text) if document not in OLD_NAMES else []:
        for full in alternatives(written):
            if not exists(full, document) and not any(name in full for name in examples):
                missing.append(full)
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_name_in_a_file_is_defined_there(document: str) -> None:
    spans = CODE.findall((ROOT / document).read_text(encoding="utf-8"))
    for path, name in (span.split("::") for span in spans if re.match(r"^\S+\.py::\w+$", span)):
        file = next(root / path for root in (ROOT, LIBRARY) if (root / path).is_file())
        assert defines(file, name), f"{path} defines no {name}"


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCE.sub("", path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    text = FENCE.sub("", (ROOT / document).read_text(encoding="utf-8"))
    for link in (first or second for first, second in LINK.findall(CODE.sub("code", text))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = ((ROOT / document).parent / file) if file else ROOT / document
        assert target.exists(), f"{link}: no such file"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize(("document", "most"), [("AGENTS.md", 80), ("README.md", 250)])
def test_what_is_read_first_is_short(document: str, most: int) -> None:
    assert len((ROOT / document).read_text(encoding="utf-8").splitlines()) <= most


def test_a_missing_path_is_seen() -> None:
    text = "`src/zimage_eval/nothing.py` and `no word`, `docs/{metrics,nowhere}.md`, `4/5`"
    missing = [
        full
        for path in named_paths(text)
        for full in alternatives(path)
        if not exists(full, "README.md")
    ]
    assert missing == ["src/zimage_eval/nothing.py", "docs/nowhere.md"]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("data/embeddings/<study>.parquet", True),
        ("data/nothing/<study>.parquet", False),
        ("metrics/<study>.json", True),
        ("reports/signatures.json", True),
        ("models/z-image-turbo/vae", True),
        ("benchmarks/*/dvc.yaml", True),
        ("benchmarks/*/params.yaml", False),
        ("models/${model}/text_encoder", True),
    ],
)
def test_paths_of_stages_and_users_count(path: str, there: bool) -> None:
    assert exists(path, "README.md") is there
