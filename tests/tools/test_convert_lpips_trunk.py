import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from tools.convert_lpips_trunk import ArrayUnpickler, convert


class Evil:
    def __reduce__(self) -> tuple:
        return (os.system, ("true",))


def test_arrays_are_read() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    data = pickle.dumps({"layer": array}, protocol=3)
    data = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert np.array_equal(ArrayUnpickler(io.BytesIO(data)).load()["layer"], array)


def test_nothing_else_is_run() -> None:
    with pytest.raises(ValueError, match=r"system"):
        ArrayUnpickler(io.BytesIO(pickle.dumps(Evil()))).load()


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "alexnet.ckpt").write_bytes(b"something else")
    with pytest.raises(ValueError, match="sha256"):
        convert(tmp_path / "alexnet.ckpt")
