"""One file per DVC stage: it loads its inputs, calls the library and saves."""

import argparse
import inspect
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
sys.path.insert(0, str(SOURCE))  # the tree's own library, wherever an installed one points
ARGUMENTS = {
    "study": "one of `studies` in params.yaml",
    "model": "one of `comparison.models` in params.yaml",
}

EPILOG = """\
Normally `dvc repro` runs this stage, when something that it reads has changed. Studies are listed
in params.yaml, stages in dvc.yaml and benchmarks/*/dvc.yaml."""


def run(main: Callable[..., None]) -> None:
    """Run a stage's `main`, with the name of the study or model if it takes one.

    Heavy libraries are imported inside `main`, so `--help` answers at once. Bad input, a file that
    can't be read or written and too little memory become one line on stderr and exit code 1, Ctrl-C
    one line and 130; a mistake of this program shows its traceback. Otherwise the last line is what
    the stage took.
    """
    taken = list(inspect.signature(main).parameters)
    parser = argparse.ArgumentParser(
        prog=f"python -m {_module_name()}",
        description=inspect.getdoc(sys.modules[main.__module__]),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in taken:
        parser.add_argument(name, help=ARGUMENTS[name])
    arguments = parser.parse_args()
    values = [getattr(arguments, name) for name in taken]
    started = time.monotonic()
    try:
        _check_library()
        main(*values)
    except (ValueError, OSError, MemoryError) as error:
        print(f"error: {_in_words(error)}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        sys.exit(130)
    print(f"{'@'.join([_module_name(), *values])}: {time.monotonic() - started:.1f} s")


def _check_library() -> None:
    """Have the processes that a stage starts take `zimage_eval` from the stage's tree, as it does.

    Raises:
        ValueError: something has loaded it from another tree before this package was imported.
    """
    import zimage_eval

    loaded = Path(str(zimage_eval.__file__)).parent
    if not loaded.samefile(SOURCE / "zimage_eval"):
        raise ValueError(
            f"{loaded} is loaded, but this stage belongs to {SOURCE / 'zimage_eval'}: start Python "
            f"so that it loads no other one first, such as with PYTHONPATH={SOURCE}"
        )
    paths = [str(SOURCE), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))


def _in_words(error: Exception) -> str:
    """One line; of an OSError without a file's name, where it was raised."""
    words = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        words = f"out of memory: {words}".removesuffix(": ")
    if isinstance(error, OSError) and error.filename is None:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT)]
        words += f" ({own[-1].name}, {Path(own[-1].filename).relative_to(ROOT)})" if own else ""
    return words


def _module_name() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else "stages"
