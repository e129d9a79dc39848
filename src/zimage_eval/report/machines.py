"""What was measured of machines: one table a benchmark, never two machines in one."""

from collections.abc import Collection, Mapping, Sequence

from zimage_eval.benchmarks.machine.results import MachineResults, seconds_per_image
from zimage_eval.model.environment import NamedEnvironment
from zimage_eval.output.results import Results
from zimage_eval.report.studies import StudyReport
from zimage_eval.studies.figures import main_metric
from zimage_eval.studies.shown_numbers import (
    MISSING,
    index_screened,
    markdown_table,
    show_mean,
    variant_cell,
)
from zimage_eval.studies.summaries import ALL

_INTRODUCTION = (
    "Seconds and memory are a machine's own. Weights called random have the released sizes and "
    "nothing learned: they fill columns of speed and memory, and say nothing about pictures. No "
    "released weights were run."
)
_CAPTION = (
    "*By forwards; what these seconds are stands under [How to read this](#how-to-read-this).*"
)


def machine_section(results: Sequence[MachineResults]) -> str:
    """A heading, and a folded table for every benchmark of every machine, in the order given."""
    parts = ["## Machines", _INTRODUCTION]
    for one in results:
        title = f"{one.benchmark}: {one.model} on {one.machine.name}, {one.date}"
        parts.append(
            f'<details markdown="1">\n<summary>{title}</summary>\n\n{_table(one)}\n\n'
            f"{_described(one)}\n\n</details>"
        )
    return "\n\n".join(parts)


def computed_on(environments: Mapping[str, NamedEnvironment]) -> str:
    """Device, driver and versions behind the numbers of all studies, in one line.

    Args:
        environments: by id; where there are several, each is said with what was computed in it.
    """
    parts = []
    for key, named in environments.items():
        libraries = [f"{name} {number}" for name, number in named.environment.libraries.items()]
        details = [
            named.environment.device,
            f"driver {named.environment.driver}" if named.environment.driver else "",
            f"CUDA {named.environment.cuda}" if named.environment.cuda else "",
            f"Python {named.environment.python}",
            *libraries,
        ]
        text = f"{', '.join(filter(None, details))} (environment `{key}`)"
        parts.append(f"{', '.join(named.computed)}: {text}" if len(environments) > 1 else text)
    return "; ".join(parts)


def page_seconds(
    sources: Collection[str],
    studies: Sequence[StudyReport],
    machines: Sequence[MachineResults],
    results: Mapping[str, Results],
) -> str:
    """The seconds of a picture at the defaults, and of every variant where they differ in forwards.

    Args:
        sources: names of the studies and benchmarks that the page rests on.
        studies: of the report.
        machines: what was measured; profiles are read of them.
        results: by name of their file, with the studies' places on the front.
    """
    profiles = [one for one in machines if one.benchmark == "profile"]
    shown = [report for report in studies if report.key in sources]
    if not profiles or not studies:
        return ""
    parts = []
    for report in shown:
        forwards = _forwards(report)
        if len(set(forwards.values()) - {None}) > 1:
            places = results.get(report.key, {}).get(report.key, {})
            parts += [_seconds_table(report, forwards, profiles, places), _CAPTION]
    if parts:
        return "\n\n".join(["**Seconds:**", *parts])
    named = (shown or studies)[0]
    forwards = _forwards(named)
    count = forwards[named.baseline.name]
    is_each = shown and None not in forwards.values()
    whose = "Each picture of this page" if is_each else "A picture at the defaults"
    return f"**Seconds:** {whose} needs {_line(count, profiles)}" if count else ""


def _table(results: MachineResults) -> str:
    columns = list(dict.fromkeys(key for cells in results.rows.values() for key in cells))
    rows = [
        [f"`{row}`", *(_cell(cells.get(column)) for column in columns)]
        for row, cells in results.rows.items()
    ]
    return markdown_table(["", *(column.replace("_", " ") for column in columns)], rows)


def _cell(value: float | str | None) -> str:
    if value is None:
        return MISSING
    if isinstance(value, str):
        return value.replace("|", "/")
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _described(results: MachineResults) -> str:
    machine = results.machine
    versions = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    return (
        f"*Weights: {results.weights}. {machine.name} ({machine.device}), {machine.num_threads} "
        f"threads, {machine.memory_gib:g} GiB; {versions}.*"
    )


def _forwards(report: StudyReport) -> dict[str, float | None]:
    """Variant -> forwards of an image; None where none was made.

    None also where the size is not the baseline's: such forwards take another time.
    """
    index = index_screened(report.summaries)
    size = report.baseline.settings.image
    rows = {v.name: index.get((v.name, "num_forwards", ALL)) for v in report.variants}
    return {
        v.name: row.mean if (row := rows[v.name]) and v.settings.image == size else None
        for v in report.variants
    }


def _line(count: float, profiles: Sequence[MachineResults]) -> str:
    each = [f"{_seconds(one, count)} s with {_title(one)} ({one.date})" for one in profiles]
    return f"{count:.0f} forwards, alone and from its text to its file: {'; '.join(each)}."


def _seconds_table(
    report: StudyReport,
    forwards: Mapping[str, float | None],
    profiles: Sequence[MachineResults],
    places: Mapping[str, Mapping[str, float | None]],
) -> str:
    metric = main_metric(report.summaries)
    index = index_screened(report.summaries)
    rows = []
    for variant in sorted(report.variants, key=lambda v: forwards[v.name] or 0.0):
        count = forwards[variant.name]
        quality = index.get((variant.name, metric or "", ALL))
        rows.append(
            [
                variant_cell(variant),
                show_mean(quality) if quality else MISSING,
                _place(places.get(variant.name, {})),
                MISSING if count is None else f"{count:.0f}",
                *(MISSING if count is None else _seconds(one, count) for one in profiles),
            ]
        )
    head = ["variant", metric or MISSING, "on the front", "forwards"]
    return markdown_table(head + [f"s, {_title(one)}" for one in profiles], rows)


def _place(place: Mapping[str, float | None]) -> str:
    if place.get("on_front") is None:
        return MISSING
    if place["on_front"]:
        return "yes"
    return "maybe" if place.get("may_be_on_front") else "no"


def _seconds(profile: MachineResults, count: float) -> str:
    seconds = seconds_per_image(profile, count)
    return f"{seconds.mean:.2f} [{seconds.lowest:.2f}, {seconds.highest:.2f}]"


def _title(profile: MachineResults) -> str:
    weights = "random weights of the size of " if profile.weights == "random" else ""
    return f"{weights}{profile.model} on {profile.machine.name}"
