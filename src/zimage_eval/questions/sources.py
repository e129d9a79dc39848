"""Results by name, whichever folder they are in: of the model, or of the machine."""

from collections.abc import Iterable
from pathlib import Path

from zimage_eval.benchmarks.machine.results import machine_numbers, read_machine_results
from zimage_eval.output.results import Results, read_results


def read_measured(names: Iterable[str], metrics: Path, machine: Path) -> dict[str, Results]:
    """The results of those names that are there, `{name: {name: {row: {metric: number}}}}`.

    Args:
        names: of studies or benchmarks; `h100_profile` is the benchmark profile of the machine
            whose results are in the folder h100.
        metrics: folder of their JSON files.
        machine: folder of those that are seconds and memory of this machine, with a folder in it
            for each other one, without what their rows say in words.
    """
    results: dict[str, Results] = {}
    for name in sorted(names):
        if (path := metrics / f"{name}.json").is_file():
            results[name] = read_results(path)
            continue
        for path in (machine / f"{name}.json", machine / f"{name.replace('_', '/', 1)}.json"):
            if path.is_file():
                results[name] = {name: machine_numbers(read_machine_results(path))}
                break
    return results
