"""Write a full-size Z-Image with random weights: `python -m tools.write_random_model FOLDER`.

Speed and memory don't depend on the values of weights, nor does it whether a setting can be
applied. The folder has the released layout: sizes of the released configs, sharded safetensors in
bfloat16, and this repository's own small tokenizer in place of Qwen3's, whose vocabulary has all of
its ids. Pictures mean nothing, and a file in the folder says so.
"""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from transformers import Qwen3Config, Qwen3Model

from calibration.train.family_folder import finish_folder
from zimage_eval.benchmarks.machine.loaded_model import RANDOM_WEIGHTS
from zimage_eval.model.devices import pick_device

SEED: Final = 0
SHARD_SIZE: Final = "4GB"

TRANSFORMER: Final[dict[str, Any]] = {
    "all_patch_size": (2,),
    "all_f_patch_size": (1,),
    "axes_dims": [32, 48, 48],
    "axes_lens": [1536, 512, 512],
    "cap_feat_dim": 2560,
    "dim": 3840,
    "in_channels": 16,
    "n_heads": 30,
    "n_kv_heads": 30,
    "n_layers": 30,
    "n_refiner_layers": 2,
    "norm_eps": 1e-5,
    "qk_norm": True,
    "rope_theta": 256.0,
    "t_scale": 1000.0,
}
TEXT_ENCODER: Final[dict[str, Any]] = {
    "vocab_size": 151936,
    "hidden_size": 2560,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 9728,
    "max_position_embeddings": 40960,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
    "tie_word_embeddings": True,
}
VAE: Final[dict[str, Any]] = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 16,
    "sample_size": 1024,
    "scaling_factor": 0.3611,
    "shift_factor": 0.1159,
    "force_upcast": True,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}
SIZES: Final = {"transformer": TRANSFORMER, "text_encoder": TEXT_ENCODER, "vae": VAE}
"""What the released config.json files say."""


def write_random_model(
    folder: Path,
    tokenizer: Path,
    device: torch.device,
    sizes: dict[str, dict[str, Any]] = SIZES,
) -> None:
    """Write all parts; weights come from the seed, drawn on the device for speed.

    Args:
        folder: where; what is there is overwritten.
        tokenizer: a folder whose tokenizer is copied.
        device: where weights are drawn, one part at a time.
        sizes: arguments of the three classes, by part.

    Raises:
        ValueError: a weight is not finite.
    """
    torch.manual_seed(SEED)
    with _bfloat16_on(device):
        transformer = ZImageTransformer2DModel(**sizes["transformer"])
    for pad_token in (transformer.cap_pad_token, transformer.x_pad_token):
        torch.nn.init.normal_(pad_token, std=0.02)  # diffusers before 0.39 leaves them as they are
    _save(transformer, folder / "transformer")
    del transformer
    with _bfloat16_on(device):
        text_encoder = Qwen3Model(Qwen3Config(**sizes["text_encoder"]))
    _save(text_encoder, folder / "text_encoder")
    del text_encoder
    with _bfloat16_on(device):
        vae = AutoencoderKL(**sizes["vae"])
    _save(vae, folder / "vae")
    shutil.copytree(tokenizer, folder / "tokenizer", dirs_exist_ok=True)
    finish_folder(folder, shift=3.0)
    note = f"# Random weights\n\nDrawn from seed {SEED}, to measure speed and memory. No model.\n"
    (folder / RANDOM_WEIGHTS).write_text(note, encoding="utf-8")


@contextmanager
def _bfloat16_on(device: torch.device) -> Iterator[None]:
    """Make new parameters in bfloat16 on a device."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with device:
            yield
    finally:
        torch.set_default_dtype(before)


def _save(part: Any, folder: Path) -> None:  # noqa: ANN401 - a model of diffusers or transformers
    for name, value in part.state_dict().items():
        if not value.isfinite().all():
            raise ValueError(f"{folder.name}: {name} is not finite")
    num_parameters = sum(value.numel() for value in part.parameters())
    part.save_pretrained(folder, max_shard_size=SHARD_SIZE)
    print(f"{folder}: {num_parameters:,} parameters", flush=True)


def main() -> None:
    """Read the arguments and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="such as models/z-image-turbo; about 21 GB")
    parser.add_argument(
        "--tokenizer",
        type=Path,
        default=Path("models/nano/tokenizer"),
        help="folder to copy (default: %(default)s)",
    )
    arguments = parser.parse_args()
    write_random_model(arguments.folder, arguments.tokenizer, pick_device())


if __name__ == "__main__":
    main()
