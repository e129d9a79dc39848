"""Measure any model on this machine, one benchmark after the other, without the graph."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zimage_eval.benchmarks.machine.results import (
    MachineResults,
    MachineValue,
    Rows,
    write_machine_results,
)
from zimage_eval.config.benchmarks import Benchmarks, need
from zimage_eval.config.frozen import Frozen, parse, read_yaml
from zimage_eval.output.project import Project
from zimage_eval.prompts.sets import Prompt

if TYPE_CHECKING:
    from zimage_eval.benchmarks.machine.loaded_model import LoadedModel

MEASURABLE: Final = ("settings", "throughput", "profile", "compile", "kernels", "quantization")
ENTRIES = {"kernels": "quantization"}
"""Which entry of the parameters a benchmark reads, if not its own."""
FILES = {"settings": "released_layout"}
"""Where a benchmark's results go, if not under its own name."""


class BenchmarkFile(Frozen):
    """What a file with the entry `benchmarks` alone holds."""

    benchmarks: Benchmarks


def read_benchmarks(path: Path) -> Benchmarks:
    """The parameters of benchmarks in a YAML file of their own, such as tools/full_size.yaml.

    Raises:
        ValueError: the file is missing, or an entry is malformed.
    """
    return parse(read_yaml(path), BenchmarkFile, str(path)).benchmarks


def benchmark_entries(benchmarks: Benchmarks, names: Sequence[str]) -> dict[str, Any]:
    """The entry of each named benchmark, in the order of the names; `settings` needs none.

    Raises:
        ValueError: a benchmark has no entry.
    """
    keys = {name: ENTRIES.get(name, name) for name in names}
    return {
        name: None if name == "settings" else need(getattr(benchmarks, key), key)
        for name, key in keys.items()
    }


def measure_model(
    project: Project,
    entries: Mapping[str, Any],
    prompts: Sequence[Prompt],
    side: int,
    output: Path,
) -> Iterator[MachineResults]:
    """Load a model once and yield the results of each benchmark as soon as they are there.

    A benchmark that takes long also writes the rows that it has so far.

    Args:
        project: has the model.
        entries: what is measured, as `benchmark_entries` returns it.
        prompts: of the model's main prompt set.
        side: width and height in pixels of the pictures of `settings`.
        output: folder of the results, one JSON file per benchmark.

    Raises:
        ValueError: before any weights are read: the machine can't hold the model.
    """
    # torch and the models' libraries take seconds to import, and bad input is refused before
    from zimage_eval.benchmarks.machine.loaded_model import load_model, weights_name
    from zimage_eval.benchmarks.machine.timing import peak_memory_gib, timed
    from zimage_eval.model.devices import pick_device

    folder, spec, device = project.model_folder, project.spec, pick_device()
    weights = weights_name(folder)
    model, seconds = timed(lambda: load_model(folder, spec, device), device)
    loading: dict[str, MachineValue] = {
        "seconds": seconds,
        "peak_memory_gib": peak_memory_gib(device),
    }
    for key, entry in entries.items():
        path = output / f"{FILES.get(key, key)}.json"
        report = partial(write_machine_results, path, path.stem, project.model, weights)
        rows: Rows
        if key == "settings":
            from zimage_eval.benchmarks.machine.released_layout import check_settings

            fillers = spec.filler_sentences
            rows = check_settings(folder, model, prompts, fillers, side, loading, report)
        elif key == "quantization":
            rows = _quantization(project, model, entry, prompts, report)
        else:
            rows = _measure(key, model, entry, prompts, report)
        yield report(rows)


def _measure(
    key: str,
    model: "LoadedModel",
    entry: Any,  # noqa: ANN401 - each benchmark has its own type
    prompts: Sequence[Prompt],
    report: Callable[[Rows], object],
) -> Rows:
    if key == "throughput":
        from zimage_eval.benchmarks.machine.throughput import measure_throughput

        return measure_throughput(model, entry, prompts)
    if key == "profile":
        from zimage_eval.benchmarks.machine.profile import measure_profile

        return measure_profile(model, entry, prompts)
    if key == "compile":
        from zimage_eval.benchmarks.machine.compile import measure_compile

        return measure_compile(model, entry, prompts, report)
    from zimage_eval.benchmarks.machine.kernels import measure_kernels

    return measure_kernels(model, entry, prompts, report)


def _quantization(
    project: Project,
    model: "LoadedModel",
    entry: Any,  # noqa: ANN401 - of `benchmark_entries`
    prompts: Sequence[Prompt],
    report: Callable[[Rows], object],
) -> Rows:
    from zimage_eval.benchmarks.machine.quantization import measure_quantization
    from zimage_eval.metrics.judges.judges import load_judge
    from zimage_eval.metrics.networks.lpips_trunks import load_lpips

    return measure_quantization(
        model,
        entry,
        prompts,
        project.spec.batch_size,
        load_judge(project.spec, model.device),
        load_lpips(project.lpips_folder).to(model.device),
        report,
    ).rows
