"""What a machine can't hold is refused by its gigabytes."""

from pathlib import Path

import pytest
import torch

from stages import extract_embeddings, generate_images
from tests.support.projects.toy_project import PARAMS, enter_project
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.model import memory as memory_needs
from zimage_eval.model.memory import GIB, check_memory, device_bytes, weight_bytes
from zimage_eval.text.encoder import load_text_encoder

CPU = torch.device("cpu")
FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")


def test_weights_take_what_a_loaded_part_takes(tiny_folder: Path) -> None:
    loaded = load_text_encoder(tiny_folder, FLOAT32, CPU)
    bytes_there = sum(value.numel() * 4 for value in loaded.parameters())
    assert weight_bytes(tiny_folder, FLOAT32, ("text_encoder",)) == {"text_encoder": bytes_there}
    half = FLOAT32.model_copy(update={"text_encoder": "bfloat16"})
    assert weight_bytes(tiny_folder, half, ("text_encoder",))["text_encoder"] == bytes_there // 2


def test_this_machine_holds_a_tiny_model_but_not_one_byte_less(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = ("tokenizer", "text_encoder", "transformer", "vae")
    needed = sum(weight_bytes(tiny_folder, FLOAT32, parts).values())
    assert needed < GIB < device_bytes(CPU)
    monkeypatch.setattr(memory_needs, "device_bytes", lambda _: needed)
    check_memory(tiny_folder, FLOAT32, parts, CPU)
    monkeypatch.setattr(memory_needs, "device_bytes", lambda _: needed - 1)
    with pytest.raises(ValueError, match=r"weights need 0\.0 GiB \(text_encoder 0\.0, .*cpu has"):
        check_memory(tiny_folder, FLOAT32, parts, CPU)


def test_a_container_has_what_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory_needs, "_CGROUP_LIMIT", limit)
    whole = device_bytes(CPU)
    limit.write_text("max\n")
    assert device_bytes(CPU) == whole
    limit.write_text(f"{whole // 2}\n")
    assert device_bytes(CPU) == whole // 2


def test_stages_refuse_before_weights_load(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_project(tmp_path, tiny_folder, PARAMS, monkeypatch)
    extract_embeddings.main()
    monkeypatch.setattr(memory_needs, "device_bytes", lambda _: 1)
    extract_embeddings.main()  # the store holds everything, no weights are needed
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    with pytest.raises(ValueError, match="GiB"):
        extract_embeddings.main()
    with pytest.raises(ValueError, match="GiB"):
        generate_images.main("baseline")
    assert not (tmp_path / "data" / "images").exists()
