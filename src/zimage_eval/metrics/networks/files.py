"""Networks from outside the repository that measure pictures: found, and held to their digest."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from zimage_eval.config.measuring import NetworkName, PinnedFile
from zimage_eval.model.digests import joined_digest
from zimage_eval.model.memory import refuse_pointer

INCEPTION_FILE = "inception-2015-12-05.pt"
OCR_PARTS = ("det", "cls", "rec")
"""What finds lines, turns them and reads them: each a file with this in its name."""
CLEAN_FID_FOLDER = Path("/tmp")
"""Where clean-fid downloads Inception to."""

_HUB_FOLDER = (
    "config.json and *.safetensors, as `python -m zimage_eval fetch {0}` puts them into models/{0}"
)
ORIGINS: Mapping[NetworkName | Literal["vae"], str] = {
    "clip": _HUB_FOLDER.format("clip"),
    "detector": _HUB_FOLDER.format("detector"),
    "dinov2": _HUB_FOLDER.format("dinov2"),
    "inception": f"{INCEPTION_FILE}, as `python -m zimage_eval fetch inception` puts it into"
    " models/inception (clean-fid keeps it in /tmp), or use kid or fd_alexnet, which work offline",
    "ocr": "three *.onnx files (det, cls, rec), as they come with `pip install 'zimage-eval[ocr]'`"
    " (then path: null)",
    "vlm": _HUB_FOLDER.format("vlm"),
    "vae": "config.json and *.safetensors of the model's autoencoder",
    "vgg16": "model.safetensors with the `features.*` tensors of torchvision's"
    " vgg16(weights='IMAGENET1K_V1'), as `python -m zimage_eval fetch vgg16` puts it into"
    " models/vgg16; models/lpips-alexnet/README.md says how to make it offline",
}
"""What is expected at a network's path, and where it comes from."""


def network_path(name: NetworkName, file: PinnedFile) -> Path:
    """Where a declared network is.

    Raises:
        ValueError: there are no such weights, or others than declared; says what to do.
    """
    path = _place_of(name) if file.path is None else Path(file.path).expanduser()
    check_digest(f"networks.{name}", file, weight_files(name, path))
    return path


def _place_of(name: NetworkName) -> Path:
    """Where another package keeps a network."""
    if name == "inception":
        return CLEAN_FID_FOLDER
    if name != "ocr":
        raise ValueError(f"networks.{name}.path: null is for inception and ocr alone")
    package = find_spec("rapidocr")
    if package is None or package.origin is None:
        raise ValueError(f"networks.ocr: rapidocr is not installed: want {ORIGINS['ocr']}")
    return Path(package.origin).parent / "models"


def check_digest(where: str, file: PinnedFile, files: list[Path]) -> None:
    """Raise ValueError if the files are not those that were pinned."""
    digest = sha256_of(files)
    if digest != file.sha256:
        raise ValueError(
            f"{where}: {file.path or files[0]} has sha256 {digest}, declared is {file.sha256}"
        )


def weight_files(name: NetworkName | Literal["vae"], path: Path) -> list[Path]:
    """The files that hold a network's weights.

    Raises:
        ValueError: it holds none; says what is expected there and where it comes from.
    """
    if name == "inception":
        files = [path / INCEPTION_FILE if path.is_dir() else path]
    elif name == "ocr":
        files = sorted(file for part in OCR_PARTS for file in path.glob(f"*_{part}_*.onnx"))
        files = files if len(files) == len(OCR_PARTS) else []
    else:
        files = sorted(path.glob("*.safetensors"))
    has_config = name in ("inception", "vgg16", "ocr") or (path / "config.json").is_file()
    if not files or not files[0].is_file() or not has_config:
        shown = files[0] if name == "inception" else path
        raise ValueError(f"no {name} weights at {shown}: want {ORIGINS[name]}")
    for file in files:
        refuse_pointer(file)
    return files


def load_whole(
    model_type: Any,  # noqa: ANN401 - transformers is untyped
    folder: Path,
    title: str,
    dtype: str = "float32",
) -> Any:  # noqa: ANN401
    """A model of transformers from its folder, in eval mode, without gradients.

    Args:
        model_type: class of transformers.
        folder: of the model.
        title: what errors call it.
        dtype: number format of the weights; `auto` is that of the files.

    Raises:
        ValueError: weights are missing, which transformers would leave random; names it by `title`.
    """
    model, info = model_type.from_pretrained(
        folder,
        local_files_only=True,
        trust_remote_code=False,
        dtype=dtype,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # they are refused below, by name
    )
    lacking = sorted([*info["missing_keys"], *(name for name, *_ in info["mismatched_keys"])])
    if lacking:
        raise ValueError(f"{folder} lacks {len(lacking)} weights of {title}: {lacking[0]}")
    return model.eval().requires_grad_(False)


def sha256_of(files: list[Path]) -> str:
    """SHA-256 of the files' bytes, one file after the other."""
    return joined_digest(files)
