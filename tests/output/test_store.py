"""An image is found again by all that decides its pixels, whole or not at all."""

from pathlib import Path

import pytest
import torch

from tests.support.default_settings import make_settings
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.config.settings import KEYS
from zimage_eval.model.captions import RefinerFit
from zimage_eval.output.png import encode_png
from zimage_eval.output.store import ImageStore, find_store_root
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


def test_batch_is_found_only_if_whole(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "store")
    keys = image_keys(RECIPE, BATCH)
    assert store.load(keys) is None
    store.save(keys[:1], FILES[:1])
    assert store.load(keys) is None
    store.save(keys, FILES)
    assert store.load(keys) == FILES
    assert store.num_found == 2


@pytest.mark.parametrize("keep", [0, 20, -1])
def test_half_written_file_is_not_used_and_is_replaced(tmp_path: Path, keep: int) -> None:
    store = ImageStore(tmp_path / "store")
    keys = image_keys(RECIPE, BATCH)
    store.save(keys, FILES)
    [path] = [path for path in (tmp_path / "store").rglob("*.png") if path.read_bytes() == FILES[1]]
    path.write_bytes(FILES[1][:keep])
    assert store.load(keys) is None
    store.save(keys, FILES)
    assert store.load(keys) == FILES


def test_killed_write_leaves_nothing_under_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ImageStore(tmp_path / "store")
    keys = image_keys(RECIPE, BATCH)

    def die(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", die)
        store.save(keys, FILES)
    assert not list((tmp_path / "store").rglob("*.png"))
    assert store.load(keys) is None


def test_no_folder_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = ImageStore(None)
    store.save(image_keys(RECIPE, BATCH), FILES)
    assert store.load(image_keys(RECIPE, BATCH)) is None
    assert not list(tmp_path.iterdir())


def test_root_is_off_a_folder_or_in_dvcs_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_store_root("off") is None
    assert find_store_root("somewhere") == Path("somewhere")
    with pytest.raises(ValueError, match="ZIMAGE_EVAL_STORE"):
        find_store_root(None)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    no_scm = true\n[cache]\n    dir = x\n")
    assert find_store_root(None) == tmp_path / ".dvc" / "x" / "zimage-eval-images"
