"""src/zimage_eval/, stages/ -> data/code/<stage>.txt: the files that a stage reaches, with digests

Every other stage depends on its own list. `python -m zimage_eval stale` prints the stages that the
working tree changes; this stage need not have run for it.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Write, for every stage, the list of the code files that it reaches."""
    import shutil

    from zimage_eval.output.code_lists import CODE_PACKAGES, CodeGraph, write_code_lists

    folder = Path("data/code")
    shutil.rmtree(folder, ignore_errors=True)
    lists = write_code_lists(CodeGraph(Path(), CODE_PACKAGES), folder)
    print(f"{folder}: lists of {len(lists)} stages")


if __name__ == "__main__":
    run(main)
