"""`python -m zimage_eval store`: what the store holds, and removing what nobody uses."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from zimage_eval.output.store import KINDS, store_root
from zimage_eval.output.store_contents import Contents, Entry, read_contents, remove_entries

MIB = 2**20
REASONS = {
    "used": "outputs of a branch, tag, experiment, stash or the work tree were made of them",
    "unused": "no such output is left",
    "unlisted": "kept by a stage that was stopped, by a command or by an earlier version",
}


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `run_store` reads."""
    parser.add_argument(
        "--prune",
        action="store_true",
        help="say what would be removed: entries of which no branch, tag, experiment or stash of "
        "this repository has outputs (another clone that shares the store makes them again)",
    )
    parser.add_argument(
        "--unlisted",
        action="store_true",
        help="with --prune: entries too of which nobody knows what used them",
    )
    parser.add_argument("--yes", action="store_true", help="with --prune: remove it")


def run_store(arguments: argparse.Namespace) -> None:
    """Print entries and MiB by kind, and with --prune what goes and what stays."""
    if not arguments.prune and (arguments.yes or arguments.unlisted):
        raise ValueError("--yes and --unlisted are for --prune alone")
    root = store_root(arguments.folder)
    if root is None:
        print("The store is switched off (ZIMAGE_EVAL_STORE).")
        return
    contents = read_contents(root, arguments.folder)
    print("\n".join(describe_contents(root, contents)))
    if not arguments.prune:
        return
    doomed = [*contents.unused, *(contents.unlisted if arguments.unlisted else ())]
    if not arguments.yes:
        print(f"--prune --yes would remove {_amount(doomed)}")
        return
    remove_entries(root, doomed, arguments.folder)
    print(f"removed {_amount(doomed)}")


def describe_contents(root: Path, contents: Contents) -> Iterator[str]:
    """A line for each kind, and one for each reason to keep or to remove."""
    entries = [entry for group in contents for entry in group]
    yield f"{root}: {_amount(entries)}"
    for kind in KINDS:
        yield f"  {kind.name}: {_amount(entry for entry in entries if entry.kind == kind)}"
    for name, reason in REASONS.items():
        yield f"{name}: {_amount(getattr(contents, name))}; {reason}"


def _amount(entries: Iterable[Entry]) -> str:
    sizes: Sequence[int] = [entry.num_bytes for entry in entries]
    return f"{len(sizes)} entries, {sum(sizes) / MIB:.1f} MiB"
