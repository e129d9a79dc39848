"""The version of a metric is raised when its code can change its numbers."""

import pytest

from tests.support.repository import ROOT
from tools.write_metric_digests import FILE, Version, written_versions
from zimage_eval.config.frozen import read_yaml

RUN = "run `python -m tools.write_metric_digests`"
WRITTEN = {
    (kind, name): Version(row["version"], row["digest"])
    for kind, rows in read_yaml(ROOT / FILE).items()
    for name, row in rows.items()
}
VERSIONS = {
    (kind, name): version
    for kind, rows in written_versions(ROOT).items()
    for name, version in rows.items()
}


def test_every_metric_is_in_the_file() -> None:
    assert list(WRITTEN) == list(VERSIONS), f"{FILE}: other metrics than defined; {RUN}"


@pytest.mark.parametrize("place", VERSIONS, ids="-".join)
def test_the_code_is_that_of_the_version(place: tuple[str, str]) -> None:
    kind, name = place
    now, written = VERSIONS[place], WRITTEN.get(place)
    assert written is not None, f"{FILE}: {kind} has no {name}; {RUN}"
    if now.digest != written.digest and now.version == written.version:
        file = "set_metrics.py" if kind == "sets" else "metrics.py"
        pytest.fail(
            f"the code of {name} changed: if its numbers can change, raise its version in "
            f"config/{file}; then {RUN}",
            pytrace=False,
        )
    assert now == written, f"{FILE}: {name} is not what it was; {RUN}"
    assert now.version >= 1
