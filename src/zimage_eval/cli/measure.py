"""`python -m zimage_eval measure`: the benchmarks of a machine on any model, without the graph."""

from pathlib import Path
from typing import Annotated

import typer

from zimage_eval.cli.door import BadOption, Door


def run_measure(
    context: typer.Context,
    benchmarks: Annotated[
        list[str],
        typer.Argument(
            metavar="BENCHMARK",
            help="Any of settings, throughput, profile, compile, kernels, quantization; settings "
            "draws one picture under every value of docs/settings.md; the others read their entry "
            "in params.yaml. Times are in seconds, memory is in GiB, throughput in images per "
            "second.",
        ),
    ],
    output: Annotated[
        Path, typer.Option(help="Folder to write the results to, one JSON file per benchmark.")
    ],
    model: Annotated[
        str | None,
        typer.Option(help="A name in models/.", show_default="that of params.yaml"),
    ] = None,
    entries: Annotated[
        Path | None,
        typer.Option(
            help="YAML file with a key benchmarks, such as tools/full_size.yaml.",
            show_default="params.yaml",
        ),
    ] = None,
    side: Annotated[
        int, typer.Option(help="Width and height in pixels of the pictures of settings.")
    ] = 256,
) -> None:
    """Measure speed and memory of a model on this machine.

    It also says what faster settings cost in accuracy.
    """
    from zimage_eval.benchmarks.machine.any_model import (
        MEASURABLE,
        benchmark_entries,
        measure_model,
        read_benchmarks,
    )
    from zimage_eval.benchmarks.machine.results import machine_table
    from zimage_eval.config.frozen import unknown
    from zimage_eval.output.text_tables import print_table
    from zimage_eval.prompts.sets import load_prompt_set

    door: Door = context.obj
    for benchmark in benchmarks:
        if benchmark not in MEASURABLE:
            raise BadOption("BENCHMARK", unknown(benchmark, MEASURABLE))
    project = door.open(model)
    prompts = load_prompt_set(project.prompt_set("main"))
    declared = project.params.benchmarks if entries is None else read_benchmarks(entries)
    parameters = benchmark_entries(declared, benchmarks)
    for results in measure_model(project, parameters, prompts, side, output):
        print_table(machine_table(results), is_plain=door.is_plain)
