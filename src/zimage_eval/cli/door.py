"""What every command is given besides its own options, and the errors of options."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zimage_eval.output.project import Project


class Door(NamedTuple):
    """The options that stand before a command: `typer.Context.obj` of each."""

    folder: Path
    """Of the project: params.yaml, models/, prompts/ and all else that commands read."""
    is_plain: bool
    """Tables are plain text on a terminal too."""

    def open(self, model: str | None = None) -> "Project":
        """The project in the folder, with another model than that of params.yaml if one is named.

        It is imported here, because `--help` needs no library but typer.
        """
        from zimage_eval.output.project import Project

        return Project.open(self.folder, model)


class BadOption(ValueError):
    """An option whose value can't be used; the exit code is 2."""

    def __init__(self, option: str, words: object) -> None:
        super().__init__(f"{option}: {words}")
