"""One file per DVC stage, in the graph's order: arguments, paths, one loop."""

import argparse
import inspect
import sys
from collections.abc import Callable

ARGUMENTS = {
    "study": "a key of `studies` in params.yaml",
    "model": "one of `comparison.models` in params.yaml",
}


def run(main: Callable[..., None]) -> None:
    """Run a stage's `main`, with the name of the study or model if it takes one.

    Heavy libraries are imported inside `main`, so `--help` answers at once. A ValueError becomes
    one line on stderr and exit code 1.
    """
    taken = list(inspect.signature(main).parameters)
    parser = argparse.ArgumentParser(
        prog=f"python -m {_module_name()}",
        description=inspect.getdoc(sys.modules[main.__module__]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in taken:
        parser.add_argument(name, help=ARGUMENTS[name])
    arguments = parser.parse_args()
    try:
        main(*(getattr(arguments, name) for name in taken))
    except ValueError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)


def _module_name() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else "stages"
