"""One file per DVC stage, in the graph's order: arguments, paths, one loop."""

import argparse
import inspect
import sys
from collections.abc import Callable


def run(main: Callable[..., None]) -> None:
    """Run a stage's `main`, with the study's name if it takes one.

    Heavy libraries are imported inside `main`, so `--help` answers at once. A ValueError becomes
    one line on stderr and exit code 1.
    """
    takes_study = bool(inspect.signature(main).parameters)
    parser = argparse.ArgumentParser(
        prog=f"python -m {_module_name()}",
        description=inspect.getdoc(sys.modules[main.__module__]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if takes_study:
        parser.add_argument("study", help="a key of `studies` in params.yaml")
    arguments = parser.parse_args()
    try:
        main(*([arguments.study] if takes_study else []))
    except ValueError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)


def _module_name() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else "stages"
