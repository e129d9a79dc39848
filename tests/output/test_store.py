"""An image is found again by all that decides its pixels, whole or not at all."""

import errno
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from tests.support.projects.default_settings import make_settings
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.config.settings import KEYS
from zimage_eval.model.captions import RefinerFit
from zimage_eval.output.png import decode_png, encode_png
from zimage_eval.output.store import DIGEST_LENGTH, ImageStore
from zimage_eval.sampling.batches import Batch
from zimage_eval.sampling.image_keys import DrawingRecipe, image_keys

RECIPE = DrawingRecipe(
    weights="0" * 64,
    settings=make_settings(),
    dtype=DtypeSettings(text_encoder="float32", transformer="float32", vae="float32"),
    device="cpu",
)
LEAVES: tuple[dict[str, object], ...] = (
    {"sigma_schedule": "karras"},
    {"shift": 4.0},
    {"num_inference_steps": 9},
    {"guidance_scale": 1.0},
    {"refiner_blend": 0.5},
    {"dropped_refiner_layers": [0]},
    {"refiner_attention": False},
    {"refiner_feed_forward": False},
    {"refiner_timestep": True},
    {"refiner_delta": "random"},
    {"table_length": 2048},
    {"rope_theta": 512.0},
    {"rope_theta_scope": "caption"},
    {"linear_scaling": 2.0},
    {"ntk_scaling": 2.0},
    {"height": 72},
    {"width": 72},
)
"""Other values, one by one, of all settings that don't act through embeddings."""
BATCH = Batch([torch.ones(3, 4), torch.zeros(3, 4)], None, [1, 2])
FILES = [encode_png(torch.full((3, 8, 8), value, dtype=torch.uint8), {}) for value in (1, 2)]


def test_everything_that_decides_pixels_is_in_the_key() -> None:
    dtype = RECIPE.dtype
    other = torch.ones(3, 4)
    other[0, 0] = 1.0000001
    changed = [
        (RECIPE, BATCH),
        (RECIPE._replace(weights="1" * 64), BATCH),
        (RECIPE._replace(device="NVIDIA H100"), BATCH),
        (RECIPE._replace(engine="compiled"), BATCH),
        *((RECIPE._replace(settings=make_settings(**leaf)), BATCH) for leaf in LEAVES),
        (RECIPE._replace(dtype=dtype.model_copy(update={"vae": "bfloat16"})), BATCH),
        (RECIPE._replace(dtype=dtype.model_copy(update={"transformer": "bfloat16"})), BATCH),
        (RECIPE, BATCH._replace(prompt_embeds=[other, BATCH.prompt_embeds[1]])),
        (RECIPE, BATCH._replace(prompt_embeds=BATCH.prompt_embeds[::-1])),
        (RECIPE, BATCH._replace(negative_prompt_embeds=torch.ones(3, 4))),
        (RECIPE, BATCH._replace(negative_prompt_embeds=torch.ones(4, 3))),
        (RECIPE, BATCH._replace(seeds=[1, 3])),
        (RECIPE, Batch(BATCH.prompt_embeds[:1], None, [1])),
        (RECIPE, BATCH._replace(refiner_fit=RefinerFit(BATCH.prompt_embeds))),
        (RECIPE, BATCH._replace(refiner_fit=RefinerFit(BATCH.prompt_embeds[:1]))),
    ]
    keys = [key for recipe, batch in changed for key in image_keys(recipe, batch)]
    assert len(set(keys)) == len(keys)


def test_each_setting_is_tried() -> None:
    tried = {leaf for leaves in LEAVES for leaf in leaves} | {"negative_prompt"}
    assert tried == {leaf for group, leaf in KEYS if group not in ("prompt", "encoder")}


def test_what_decides_no_pixels_is_not_in_the_key() -> None:
    keys = image_keys(RECIPE, BATCH)
    for leaves in ({"negative_prompt": "blurry"}, {"hidden_layer": -1}, {"prefix": "crisp"}):
        # Texts count by their embeddings.
        assert image_keys(RECIPE._replace(settings=make_settings(**leaves)), BATCH) == keys
    encoder = RECIPE.dtype.model_copy(update={"text_encoder": "bfloat16"})
    assert image_keys(RECIPE._replace(dtype=encoder), BATCH) == keys
    copies = [tensor.clone() for tensor in BATCH.prompt_embeds]
    assert image_keys(RECIPE, BATCH._replace(prompt_embeds=copies)) == keys


def test_version_of_the_code_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = image_keys(RECIPE, BATCH)
    monkeypatch.setattr("zimage_eval.sampling.image_keys.GENERATOR_VERSION", 0)
    assert set(image_keys(RECIPE, BATCH)).isdisjoint(keys)


KEYS_OF_BATCH = image_keys(RECIPE, BATCH)


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "store")


def load(store: ImageStore) -> list[bytes] | None:
    return store.load(KEYS_OF_BATCH, bytes)


def entry(store: ImageStore, index: int = 1) -> Path:
    """The file of a picture."""
    assert store.root is not None
    return store.root / KEYS_OF_BATCH[index][:2] / f"{KEYS_OF_BATCH[index][2:]}.png"


def temporaries(store: ImageStore) -> list[Path]:
    assert store.root is not None
    return [path for path in store.root.rglob("*") if path.suffix == ".tmp"]


def test_batch_is_found_only_if_whole(
    store: ImageStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(store) is None
    store.save(KEYS_OF_BATCH[:1], FILES[:1])
    assert load(store) is None
    store.save(KEYS_OF_BATCH, FILES)
    assert load(store) == FILES
    assert store.num_found == 2
    assert capsys.readouterr().err == ""  # that nothing is there yet is no news


def test_an_entry_is_a_picture_that_can_be_looked_at(store: ImageStore) -> None:
    from PIL import Image

    store.save(KEYS_OF_BATCH, FILES)
    assert Image.open(entry(store)).size == (8, 8)


BLACK = encode_png(torch.zeros(3, 8, 8, dtype=torch.uint8), {})
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut off": lambda data: data[:20],
    "its last byte is gone": lambda data: data[:-1],
    "half of the digest": lambda data: data[: -DIGEST_LENGTH // 2],
    "as earlier versions wrote it": lambda data: data[:-DIGEST_LENGTH],
    "other pixels, no digest": lambda data: BLACK,
    "other pixels, the digest of the old ones": lambda data: BLACK + data[-DIGEST_LENGTH:],
    "a text more": lambda data: (
        encode_png(decode_png(data[:-DIGEST_LENGTH]), {"a": "b"}) + data[-DIGEST_LENGTH:]
    ),
    "a flipped bit": lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:],
    "two in one": lambda data: data + data,
    "no picture": lambda data: b"<html>" * 40,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_not_what_was_kept_is_not_used_and_is_replaced(
    store: ImageStore, capsys: pytest.CaptureFixture[str], damage: Callable[[bytes], bytes]
) -> None:
    store.save(KEYS_OF_BATCH, FILES)
    entry(store).write_bytes(damage(entry(store).read_bytes()))
    assert load(store) is None
    assert load(store) is None
    said = capsys.readouterr().err
    assert said.count("\n") == 1  # a kind is told once
    assert said.startswith(f"warning: image store: {entry(store)} can't be used: its digest is ")
    store.save(KEYS_OF_BATCH, FILES)
    assert load(store) == FILES


def test_an_entry_under_another_key_is_not_used(store: ImageStore) -> None:
    store.save(KEYS_OF_BATCH, FILES)
    shutil.copyfile(entry(store, 0), entry(store, 1))
    assert load(store) is None


def test_what_the_reader_refuses_is_not_used(
    store: ImageStore, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: bytes) -> bytes:
        raise ValueError("its size is not the one asked for")

    store.save(KEYS_OF_BATCH, FILES)
    assert store.load(KEYS_OF_BATCH, refuse) is None
    assert "can't be used: its size is not the one asked for; pict" in capsys.readouterr().err


def _root_is_a_file(store: ImageStore) -> None:
    assert store.root is not None
    store.root.write_text("")


def _root_is_below_a_file(store: ImageStore) -> None:
    assert store.root is not None
    store.root.write_text("")
    store.root = store.root / "deeper"


def _root_is_a_device(store: ImageStore) -> None:
    store.root = Path("/dev/full")


def _root_is_a_dangling_link(store: ImageStore) -> None:
    assert store.root is not None
    store.root.symlink_to(store.root.parent / "gone" / "away")


def _root_is_a_loop(store: ImageStore) -> None:
    assert store.root is not None
    store.root.symlink_to(store.root)


def _root_has_too_long_a_name(store: ImageStore) -> None:
    assert store.root is not None
    store.root = store.root / ("x" * 300)


def _folder_is_a_file(store: ImageStore) -> None:
    entry(store).parent.parent.mkdir()
    entry(store).parent.write_text("")


def _entry_is_a_folder(store: ImageStore) -> None:
    entry(store).mkdir(parents=True)
    (entry(store) / "x").write_text("")


IMPOSSIBLE = (
    _root_is_a_file,
    _root_is_below_a_file,
    _root_is_a_device,
    _root_is_a_dangling_link,
    _root_is_a_loop,
    _root_has_too_long_a_name,
    _folder_is_a_file,
    _entry_is_a_folder,
)


@pytest.mark.parametrize("spoil", IMPOSSIBLE)
def test_a_store_that_can_be_no_store_costs_warnings_alone(
    store: ImageStore,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[ImageStore], None],
) -> None:
    spoil(store)
    for _ in range(3):
        assert load(store) is None
        store.save(KEYS_OF_BATCH, FILES)
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 2  # a line for reading, one for writing
    assert all(line.startswith("warning: image store: ") for line in lines)
    assert sum("can't be written: " in line for line in lines) == 1
    assert not list(tmp_path.rglob("*.tmp"))


def test_an_entry_that_is_a_pipe_is_replaced(
    store: ImageStore, capsys: pytest.CaptureFixture[str]
) -> None:
    entry(store).parent.mkdir(parents=True)
    entry(store, 0).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(entry(store))
    os.mkfifo(entry(store, 0))
    assert load(store) is None
    assert "can't be used: it is no file" in capsys.readouterr().err
    store.save(KEYS_OF_BATCH, FILES)
    assert load(store) == FILES


@contextmanager
def little_space() -> Iterator[None]:
    """Files of 40 bytes at most: a write that really ends half-way.

    For the whole process, the file of a test log too, and so for no longer than the write.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_ends_half_way_leaves_nothing(
    store: ImageStore, capsys: pytest.CaptureFixture[str]
) -> None:
    with little_space():
        store.save(KEYS_OF_BATCH, FILES)
    assert "can't be written: File too large; " in capsys.readouterr().err
    assert store.root is not None
    assert [path for path in store.root.rglob("*") if path.is_file()] == []
    assert load(store) is None


@pytest.mark.parametrize(
    ("method", "number", "verb"),
    [
        ("write_bytes", errno.ENOSPC, "written"),
        ("write_bytes", errno.EDQUOT, "written"),
        ("write_bytes", errno.EIO, "written"),
        ("mkdir", errno.EROFS, "written"),
        ("mkdir", errno.EACCES, "written"),
        ("replace", errno.EROFS, "written"),
        ("replace", errno.EACCES, "written"),
        ("read_bytes", errno.EIO, "read"),
        ("read_bytes", errno.EACCES, "read"),
        ("stat", errno.EACCES, "read"),
        ("stat", errno.ESTALE, "read"),
    ],
)
def test_errors_of_the_file_system_are_told_once_a_kind(
    store: ImageStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    method: str,
    number: int,
    verb: str,
) -> None:
    if verb == "read":
        store.save(KEYS_OF_BATCH, FILES)

    def fail(self: Path, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, method, fail)
        for _ in range(2):
            if verb == "read":
                assert load(store) is None
            else:
                store.save(KEYS_OF_BATCH, FILES)
    [line] = capsys.readouterr().err.splitlines()
    assert f"can't be {verb}: {os.strerror(number)}; pictures are drawn without it" in line
    assert temporaries(store) == []
    store.save(KEYS_OF_BATCH, FILES)
    assert load(store) == FILES


def test_folders_without_permission_cost_a_warning(
    store: ImageStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(KEYS_OF_BATCH[:1], FILES[:1])
    assert store.root is not None
    store.root.chmod(0o555)
    if os.access(store.root, os.W_OK):
        pytest.skip("root may write everywhere")
    store.save(KEYS_OF_BATCH, FILES)
    store.root.chmod(0o000)
    assert load(store) is None
    store.root.chmod(0o755)
    said = capsys.readouterr().err
    assert "can't be written: Permission denied" in said
    assert "can't be read: Permission denied" in said
    assert said.count("\n") == 2


def test_killed_write_leaves_nothing(store: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", die)
        store.save(KEYS_OF_BATCH, FILES)
    assert store.root is not None
    assert not [path for path in store.root.rglob("*") if path.is_file()]
    assert load(store) is None


def test_no_folder_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = ImageStore(None)
    store.save(KEYS_OF_BATCH, FILES)
    assert load(store) is None
    assert not list(tmp_path.iterdir())
