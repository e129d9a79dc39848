"""Stages run in folders without DVC's cache, and so without a store unless a test names one."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def no_store() -> Iterator[None]:
    """The store is switched off; a test's own setting goes before it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZIMAGE_EVAL_STORE", "off")
        yield
