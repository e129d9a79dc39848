"""One file per DVC stage, in the graph's order: arguments, paths, one loop."""

import argparse
import inspect
import sys
import time
from collections.abc import Callable

ARGUMENTS = {
    "study": "a key of `studies` in params.yaml",
    "model": "one of `comparison.models` in params.yaml",
}


def run(main: Callable[..., None]) -> None:
    """Run a stage's `main`, with the name of the study or model if it takes one.

    Heavy libraries are imported inside `main`, so `--help` answers at once. A ValueError becomes
    one line on stderr and exit code 1; otherwise the last line is what the stage took.
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
    values = [getattr(arguments, name) for name in taken]
    started = time.monotonic()
    try:
        main(*values)
    except ValueError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)
    print(f"{'@'.join([_module_name(), *values])}: {time.monotonic() - started:.1f} s")


def _module_name() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else "stages"
