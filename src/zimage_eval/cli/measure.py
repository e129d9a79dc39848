"""`python -m zimage_eval measure`: the benchmarks of a machine on any model, without the graph."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_eval.config.benchmarks import Benchmarks, Quantization, need
from zimage_eval.config.frozen import Frozen, parse, read_yaml
from zimage_eval.output.project import Project
from zimage_eval.prompts.sets import Prompt, load_prompt_set

if TYPE_CHECKING:
    from zimage_eval.benchmarks.machine.loaded_model import LoadedModel
    from zimage_eval.benchmarks.machine.results import MachineResults, MachineValue, Rows

BENCHMARKS = ("settings", "throughput", "profile", "compile", "kernels", "quantization")
ENTRIES = {"kernels": "quantization"}
"""Which entry of the parameters a benchmark reads, if not its own."""


FILES = {"settings": "released_layout"}
"""Where a benchmark's results go, if not under its own name."""


class BenchmarkFile(Frozen):
    """What `--entries` holds."""

    benchmarks: Benchmarks


def add_measure_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `run_measure` reads, but for `--folder`."""
    parser.add_argument(
        "benchmarks",
        nargs="+",
        choices=BENCHMARKS,
        metavar="BENCHMARK",
        help=f"any of {', '.join(BENCHMARKS)}; settings draws one picture under every value of "
        "docs/settings.md, the others read their entry in params.yaml. Times are in seconds, "
        "memory is in GiB, throughput in images per second",
    )
    parser.add_argument("--model", help="a name in models/ (default: that of params.yaml)")
    parser.add_argument(
        "--entries",
        type=Path,
        help="YAML file with a key benchmarks, such as tools/full_size.yaml (default: params.yaml)",
    )
    parser.add_argument(
        "--side",
        type=int,
        default=256,
        help="width and height in pixels of the pictures of settings (default: 256)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        help="folder to write the results to, one JSON file per benchmark",
    )


def run_measure(arguments: argparse.Namespace) -> None:
    """Load the model once, measure, write and print each benchmark's rows as soon as it has some.

    Raises:
        ValueError: bad input, or a model that the machine can't hold, before any weights are read.
    """
    project = Project.open(arguments.folder, arguments.model)
    if arguments.entries is None:
        benchmarks = project.params.benchmarks
    else:
        written = read_yaml(arguments.entries)
        benchmarks = parse(written, BenchmarkFile, str(arguments.entries)).benchmarks
    spec = project.spec
    prompts = load_prompt_set(project.prompt_set("main"))
    entries = {
        key: need(getattr(benchmarks, ENTRIES.get(key, key)), ENTRIES.get(key, key))
        for key in arguments.benchmarks
        if key != "settings"
    }

    from zimage_eval.benchmarks.machine.loaded_model import load_model, weights_name
    from zimage_eval.benchmarks.machine.results import render_machine_rows, write_machine_results
    from zimage_eval.benchmarks.machine.timing import peak_memory_gib, timed
    from zimage_eval.model.devices import pick_device

    folder, device = project.model_folder, pick_device()
    weights = weights_name(folder)
    model, seconds = timed(lambda: load_model(folder, spec, device), device)
    loading: dict[str, MachineValue] = {
        "seconds": seconds,
        "peak_memory_gib": peak_memory_gib(device),
    }
    for key in arguments.benchmarks:
        path = arguments.output / f"{FILES.get(key, key)}.json"

        def report(rows: "Rows", path: Path = path) -> "MachineResults":
            return write_machine_results(path, path.stem, project.model, weights, rows)

        rows: Rows
        if key == "settings":
            from zimage_eval.benchmarks.machine.released_layout import check_settings

            fillers, side = spec.filler_sentences, arguments.side
            rows = check_settings(folder, model, prompts, fillers, side, loading, report)
        elif key == "quantization":
            rows = _quantization(project, model, entries[key], prompts, report)
        else:
            rows = _measure(key, model, entries[key], prompts, report)
        print(render_machine_rows(report(rows)), flush=True)


def _measure(
    key: str,
    model: "LoadedModel",
    entry: Any,  # noqa: ANN401 - each benchmark has its own type
    prompts: Sequence[Prompt],
    report: "Callable[[Rows], object]",
) -> "Rows":
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
    entry: Quantization,
    prompts: Sequence[Prompt],
    report: "Callable[[Rows], object]",
) -> "Rows":
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
