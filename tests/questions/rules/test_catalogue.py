"""Every rule is in the catalogue under its name, and the page on questions tells what it claims."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from zimage_eval.questions import rules
from zimage_eval.questions.rules.catalogue import RULES
from zimage_eval.questions.rules.comparison import Rule

PAGE = Path("docs/how-to/question.md")


def test_every_rule_of_a_file_is_in_the_catalogue() -> None:
    in_files = {
        name.lower(): member
        for file in iter_modules(rules.__path__)
        for name, member in vars(import_module(f"{rules.__name__}.{file.name}")).items()
        if isinstance(member, Rule)
    }
    assert len(in_files) >= 8
    assert in_files == RULES


def test_the_page_on_questions_lists_every_rule_with_its_hypothesis() -> None:
    table = PAGE.read_text(encoding="utf-8").split("| rule |")[1].split("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{name}` | {rule.hypothesis} |" for name, rule in RULES.items()]
