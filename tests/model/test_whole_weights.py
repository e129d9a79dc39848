"""Weights are whole or refused: a damage is one line that names the file, before they are read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen3Config, Qwen3ForCausalLM

from tests.support.models.tiny_model import HIDDEN_SIZE, NUM_HIDDEN_LAYERS
from tests.support.repository import ROOT
from zimage_eval.config.model_spec import DtypeSettings, load_model_spec
from zimage_eval.model.folder import PARTS, check_digests, check_parts, weights_digest
from zimage_eval.model.memory import count_parameters
from zimage_eval.model.transformer import check_image_weights, load_image_side
from zimage_eval.text.encoder import check_text_side, load_text_side

FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")
CPU = torch.device("cpu")
TEXT = "text_encoder/model.safetensors"
TRANSFORMER = "transformer/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
WEIGHTS = (TEXT, TRANSFORMER, VAE)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12345\n" % 0

Damage = Callable[[Path], object]


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "tiny"))


def check_whole(folder: Path) -> None:
    check_parts(folder, PARTS)
    check_text_side(folder)
    check_image_weights(folder, ("transformer", "vae"))


def check_refused(folder: Path, file: str, words: str) -> None:
    """By the check, and by the loader of the side that the file belongs to."""
    load = load_text_side if file.startswith(("tok", "text")) else load_image_side
    for read in (check_whole, lambda path: load(path, FLOAT32, CPU)):
        with pytest.raises(ValueError) as error:
            read(folder)
        line = str(error.value)
        assert line.startswith(str(folder / file)) and words in line, line
        assert "\n" not in line and len(line) < 700


def written(content: bytes) -> Damage:
    return lambda path: path.write_bytes(content)


def cut_off(num_bytes: int) -> Damage:
    return lambda path: path.write_bytes(path.read_bytes()[:num_bytes])


def without(*keys: str) -> Damage:
    def change(path: Path) -> None:
        content = json.loads(path.read_text())
        path.write_text(json.dumps({k: v for k, v in content.items() if k not in keys}))

    return change


def with_values(**values: object) -> Damage:
    return lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_tensors(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def test_what_is_whole_is_in_order(folder: Path) -> None:
    check_whole(folder)


@pytest.mark.parametrize("file", WEIGHTS)
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (written(POINTER), "is a Git LFS pointer: fetch its content"),
        (written(b""), "is no whole safetensors file of 0 bytes"),
        (written(b"{}"), "is no whole safetensors file of 2 bytes"),
        (written(b"<html>not found</html>" * 9), "is no whole safetensors file"),
        (cut_off(-1000), "is no whole safetensors file"),
        (cut_off(100), "is no whole safetensors file of 100 bytes"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "is no whole safetensors file"),
    ],
)
def test_a_file_that_is_not_whole_is_named(
    folder: Path, file: str, damage: Damage, words: str
) -> None:
    damage(folder / file)
    check_refused(folder, file, words)
    with pytest.raises(ValueError, match=words[:20]):
        count_parameters(folder, file.split("/")[0])


@pytest.mark.parametrize("file", WEIGHTS)
@pytest.mark.parametrize("place", [0, 7, -1])
def test_a_missing_tensor_is_refused(folder: Path, file: str, place: int) -> None:
    name = sorted(load_file(folder / file))[place]
    change_tensors(folder / file, lambda tensors: tensors.pop(name))
    check_refused(folder, file, f"lacks tensors of {CLASSES[file]}: 1, such as {name}")


@pytest.mark.parametrize("file", WEIGHTS)
def test_a_tensor_too_many_or_of_another_shape_is_refused(folder: Path, file: str) -> None:
    whole = (folder / file).read_bytes()
    change_tensors(folder / file, lambda tensors: tensors.update(extra=torch.zeros(2)))
    check_refused(folder, file, f"holds unknown tensors of {CLASSES[file]}: 1, such as extra")
    (folder / file).write_bytes(whole)
    name = sorted(load_file(folder / file))[3]
    change_tensors(folder / file, lambda tensors: tensors.update({name: torch.zeros(1, 2, 3)}))
    check_refused(folder, file, f"holds misshapen tensors of {CLASSES[file]}: 1, such as {name}")


def test_integers_and_another_prefix_are_refused(folder: Path) -> None:
    change_tensors(folder / VAE, lambda tensors: tensors.update(x=torch.zeros(2, dtype=torch.int8)))
    check_refused(folder, VAE, "x holds I8 values")
    prefixed = {f"transformer.{k}": v for k, v in load_file(folder / TRANSFORMER).items()}
    save_file(prefixed, folder / TRANSFORMER)
    with pytest.raises(ValueError, match="lacks tensors of ZImageTransformer2DModel"):
        check_image_weights(folder, ("transformer",))


CLASSES = {TEXT: "Qwen3Model", TRANSFORMER: "ZImageTransformer2DModel", VAE: "AutoencoderKL"}


@pytest.mark.parametrize("is_tied", [True, False])
@pytest.mark.parametrize("name", ["Qwen3Model", "Qwen3ForCausalLM"])
def test_a_language_model_with_its_head_is_no_false_alarm(
    folder: Path, is_tied: bool, name: str
) -> None:
    config = Qwen3Config.from_pretrained(folder / "text_encoder", tie_word_embeddings=is_tied)
    assert (config.hidden_size, config.num_hidden_layers) == (HIDDEN_SIZE, NUM_HIDDEN_LAYERS)
    Qwen3ForCausalLM(config).save_pretrained(folder / "text_encoder")
    with_values(text_encoder=["transformers", name])(folder / "model_index.json")
    check_text_side(folder)
    load_text_side(folder, FLOAT32, CPU)


def split(folder: Path, file: str) -> Path:
    """The part in two shards; returns its index."""
    path, tensors = folder / file, load_file(folder / file)
    names = sorted(tensors)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for shard, members in shards.items():
        save_file({k: tensors[k] for k in members}, path.parent / shard, metadata={"format": "pt"})
    path.unlink()
    index = path.parent / f"{path.name}.index.json"
    weight_map = {name: shard for shard, members in shards.items() for name in members}
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return index


@pytest.mark.parametrize("file", WEIGHTS)
def test_shards_are_whole_or_refused(folder: Path, file: str) -> None:
    num_parameters = count_parameters(folder, file.split("/")[0])
    index = split(folder, file)
    check_whole(folder)
    assert count_parameters(folder, file.split("/")[0]) == num_parameters
    name = index.relative_to(folder).as_posix()
    whole = index.read_text()
    first = min(json.loads(whole)["weight_map"])
    for content, words in (
        ("{}", "weight_map: missing"),
        ("[]", "must hold a JSON object, holds []"),
        ('{"weight_map": []}', "weight_map: Input should be a mapping, got []"),
        ('{"weight_map": {}}', "weight_map: "),
        ('{"weight_map": {"a": 5}}', "weight_map.a: Input should be a valid string"),
        (POINTER.decode(), "is a Git LFS pointer"),
        (whole.replace(f'"{first}": "a.safe', f'"{first}": "b.safe'), first),
        (whole.replace(f'"{first}"', '"0"'), "names 0 in a.safetensors, which has none"),
        (
            whole.replace(f'"{first}": "a.safetensors", ', ""),
            f"does not name {first}, which a.safe",
        ),
    ):
        assert content != whole
        index.write_text(content)
        check_refused(folder, name, words)
    index.write_text(whole)
    (index.parent / "b.safetensors").unlink()
    with pytest.raises(ValueError, match=r"holds no b\.safetensors; put or link"):
        check_whole(folder)


def test_a_file_beside_its_shards_is_ambiguous(folder: Path) -> None:
    whole = (folder / VAE).read_bytes()
    split(folder, VAE)
    (folder / VAE).write_bytes(whole)
    check_refused(folder, "vae", "which one is meant?")


CONFIGS = {
    "transformer/config.json": ("n_refiner_layers", "axes_lens", "t_scale", "norm_eps"),
    "vae/config.json": ("block_out_channels", "shift_factor", "scaling_factor", "latent_channels"),
    "text_encoder/config.json": ("num_hidden_layers", "rms_norm_eps", "vocab_size", "head_dim"),
    "scheduler/scheduler_config.json": ("shift", "num_train_timesteps", "use_dynamic_shifting"),
    "tokenizer/tokenizer_config.json": ("pad_token",),
    "model_index.json": ("text_encoder", "vae"),
}


@pytest.mark.parametrize("file", CONFIGS)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "must hold a JSON object, holds []"),
        ("null", "must hold a JSON object, holds None"),
        ("5", "must hold a JSON object, holds 5"),
        ("", "Expecting value"),
        ("[", "Expecting value"),
        ('{"a": ' + "9" * 5000 + "}", ""),
        ("[" * 100_000, ""),
        (POINTER.decode(), "is a Git LFS pointer"),
        ("{}", "missing"),
    ],
)
def test_a_configuration_that_is_none_is_named(
    folder: Path, file: str, content: str, words: str
) -> None:
    (folder / file).write_text(content)
    with pytest.raises(ValueError) as error:
        check_whole(folder)
    line = str(error.value)
    assert line.startswith(str(folder / file)) and words in line, line
    assert "\n" not in line and len(line) < 700


@pytest.mark.parametrize(
    ("file", "key"), [(file, key) for file in CONFIGS for key in CONFIGS[file]]
)
def test_a_key_that_is_missing_or_of_another_type_is_named(
    folder: Path, file: str, key: str
) -> None:
    whole = (folder / file).read_text()
    for damage in (without(key), with_values(**{key: "x" * 999 if key != "pad_token" else 7})):
        (folder / file).write_text(whole)
        damage(folder / file)
        with pytest.raises(ValueError) as error:
            check_whole(folder)
        line = str(error.value)
        assert line.startswith(f"{folder / file}: ") and key in line and len(line) < 700, line


@pytest.mark.parametrize(
    ("file", "values", "words"),
    [
        ("transformer/config.json", {"axes_lens": [1536, 512]}, "axes_lens"),
        ("transformer/config.json", {"axes_lens": [1536, 512, 0]}, "axes_lens.2"),
        (
            "transformer/config.json",
            {"n_heads": 3},
            "no ZImageTransformer2DModel can be made of it",
        ),
        (
            "transformer/config.json",
            {"context_refiner_modulation": 1},
            "context_refiner_modulation",
        ),
        ("vae/config.json", {"block_out_channels": []}, "block_out_channels"),
        ("vae/config.json", {"block_out_channels": 5}, "block_out_channels"),
        ("vae/config.json", {"act_fn": "nosuch"}, "no AutoencoderKL can be made of it"),
        ("vae/config.json", {"shift_factor": None}, "shift_factor"),
        ("text_encoder/config.json", {"num_hidden_layers": "x"}, "num_hidden_layers"),
        ("text_encoder/config.json", {"rope_parameters": {}}, "rope_theta: missing"),
        ("model_index.json", {"vae": "AutoencoderKL"}, "vae: must be [diffusers, a class of it]"),
        (
            "model_index.json",
            {"vae": ["diffusers", "AutoencoderKl"]},
            "did you mean 'AutoencoderKL'",
        ),
        ("model_index.json", {"text_encoder": ["transformers", "Qwen3Modle"]}, "no class"),
        ("model_index.json", {"tokenizer": ["evil", "Tokenizer"]}, "must be [transformers, "),
    ],
)
def test_a_value_that_is_impossible_is_named(
    folder: Path, file: str, values: dict[str, object], words: str
) -> None:
    with_values(**values)(folder / file)
    with pytest.raises(ValueError) as error:
        check_whole(folder)
    assert str(error.value).startswith(str(folder / file)) and words in str(error.value)


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("transformer/config.json", {"n_layers": 3}),
        ("transformer/config.json", {"dim": 64}),
        ("vae/config.json", {"latent_channels": 8}),
        ("text_encoder/config.json", {"num_hidden_layers": 2}),
        ("text_encoder/config.json", {"vocab_size": 399}),
        ("text_encoder/config.json", {"hidden_act": "nosuch"}),
    ],
)
def test_a_configuration_of_other_weights_is_refused(
    folder: Path, file: str, values: dict[str, object]
) -> None:
    with_values(**values)(folder / file)
    with pytest.raises(ValueError, match=str(folder)):
        check_whole(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Expecting value"),
        (b"{}", "added_tokens: must be a JSON list"),
        (b'{"added_tokens": []}', "model: must be a JSON dict"),
        (b'{"added_tokens": [], "model": {}}', "is no tokenizer"),
        (b'{"added_tokens": [], "model": {"type": "BPE", "vocab": {}, "merges": []}}', "no tokens"),
        (POINTER, "is a Git LFS pointer"),
        (b"\xff\xfe", "can't decode"),
        (None, ""),
    ],
)
def test_a_tokenizer_that_is_none_is_named(folder: Path, content: bytes | None, words: str) -> None:
    file = folder / "tokenizer" / "tokenizer.json"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if content is None else content)
    check_refused(folder, "tokenizer/tokenizer.json", words)


def test_a_tokenizer_of_more_words_and_one_without_a_chat_are_refused(folder: Path) -> None:
    config = folder / "text_encoder" / "config.json"
    rows = 100
    with_values(vocab_size=rows)(config)
    change_tensors(
        folder / TEXT, lambda t: t.update({"embed_tokens.weight": t["embed_tokens.weight"][:rows]})
    )
    with pytest.raises(
        ValueError, match=r"tokenizer: has a token \d+, the text encoder knows 0 to 99"
    ):
        check_text_side(folder)
    (folder / "tokenizer" / "chat_template.jinja").write_text(" \n")
    with pytest.raises(ValueError, match="there is no chat template"):
        check_parts(folder, PARTS)


def test_no_code_of_a_folder_is_asked_for(folder: Path) -> None:
    """Without `trust_remote_code=False` transformers asks on a terminal whether to run it."""
    marker = folder / "ran"
    (folder / "text_encoder" / "evil.py").write_text(f"open({str(marker)!r}, 'w')\n")
    with_values(model_type="nosuch", auto_map={"AutoConfig": "evil.A", "AutoModel": "evil.B"})(
        folder / "text_encoder" / "config.json"
    )
    with_values(text_encoder=["transformers", "AutoModel"])(folder / "model_index.json")
    with pytest.raises(ValueError, match=str(folder)):
        check_text_side(folder)
    assert not marker.exists()


@pytest.mark.parametrize("model", ["nano", "nano-base", "mini", "mini-base"])
def test_the_models_here_are_whole_and_those_stated(model: str) -> None:
    folder = ROOT / "models" / model
    check_whole(folder)
    stated = load_model_spec(ROOT / "models" / f"{model}.yaml").sha256
    assert check_digests(folder, stated, "nano.yaml") == []


def test_a_flipped_byte_and_a_missing_file_of_nano_are_named(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ROOT / "models/nano", tmp_path / "nano"))
    stated = load_model_spec(ROOT / "models/nano.yaml").sha256
    before = weights_digest(folder, PARTS)
    data = bytearray((folder / TRANSFORMER).read_bytes())
    data[-5] ^= 1  # inside a tensor: nothing else can tell
    (folder / TRANSFORMER).write_bytes(data)
    check_whole(folder)
    assert weights_digest(folder, PARTS) != before
    (folder / "tokenizer" / "chat_template.jinja").unlink()
    with pytest.raises(ValueError) as error:
        check_digests(folder, stated, "models/nano.yaml")
    lines = error.value.args
    assert len(lines) == 2
    assert lines[0].startswith(f"{folder / 'tokenizer/chat_template.jinja'}: no such file")
    assert lines[1].startswith(f"{folder / TRANSFORMER}: has sha256 ")
    assert check_digests(tmp_path / "nano", {}, "x")[0] == "model_index.json"
