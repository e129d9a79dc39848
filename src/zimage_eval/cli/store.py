"""`python -m zimage_eval store`: what the store holds, and removing what nobody uses."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zimage_eval.cli.door import BadOption, Door

if TYPE_CHECKING:
    from zimage_eval.output.stored.store_contents import Contents, StoreEntry

MIB = 2**20
REASONS = {
    "used": "outputs of a branch, tag, experiment, stash or the work tree were made of them",
    "unused": "no such output is left",
    "unlisted": "kept by a stage that was stopped, by a command or by an earlier version",
}


def run_store(
    context: typer.Context,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Say what would be removed: entries of which no branch, tag, experiment or stash "
            "of this repository has outputs. Another clone that shares the store makes them again.",
        ),
    ] = False,
    unlisted: Annotated[
        bool,
        typer.Option(
            "--unlisted", help="With --prune: also entries of which nobody knows what used them."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --prune: remove them.")] = False,
) -> None:
    """Print what the store holds, and remove what nobody uses.

    The store keeps pictures, encodings, features and scores, so that nothing is made twice.
    """
    from zimage_eval.output.store import store_root
    from zimage_eval.output.stored.store_contents import read_contents, remove_entries

    if not prune and (yes or unlisted):
        raise BadOption("--yes" if yes else "--unlisted", "is for --prune alone")
    door: Door = context.obj
    root = store_root(door.folder)
    if root is None:
        print("The store is switched off (ZIMAGE_EVAL_STORE).")
        return
    contents = read_contents(root, door.folder)
    print("\n".join(describe_contents(root, contents)))
    if not prune:
        return
    doomed = [*contents.unused, *(contents.unlisted if unlisted else ())]
    if not yes:
        print(f"--prune --yes would remove {_amount(doomed)}")
        return
    remove_entries(root, doomed, door.folder)
    print(f"removed {_amount(doomed)}")


def describe_contents(root: Path, contents: "Contents") -> Iterator[str]:
    """A line for each kind, and one for each reason to keep or to remove."""
    from zimage_eval.output.store import KINDS

    entries = [entry for group in contents for entry in group]
    yield f"{root}: {_amount(entries)}"
    for kind in KINDS:
        yield f"  {kind.name}: {_amount(entry for entry in entries if entry.kind == kind)}"
    for name, reason in REASONS.items():
        yield f"{name}: {_amount(getattr(contents, name))}; {reason}"


def _amount(entries: "Iterable[StoreEntry]") -> str:
    sizes: Sequence[int] = [entry.num_bytes for entry in entries]
    return f"{len(sizes)} entries, {sum(sizes) / MIB:.1f} MiB"
