"""Backbones: networks that turn pictures into features for distances between sets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from zimage_eval.config.measuring import BackboneName, NetworkName, PinnedFile
from zimage_eval.metrics.networks.files import load_whole, network_path, sha256_of, weight_files
from zimage_eval.metrics.networks.lpips_trunks import ALEXNET_SHA256, alexnet_file

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ALEXNET_SIDE = 128
"""Side in pixels to which pictures are resized. On drawn scenes of 64 pixels, a 3 x 3 blur raises
KID to 21 times the spread of its null (23 times with a side of 224, 3 times with 64), and the
network takes a third of the time that it takes with 224."""
LPIPS_MEAN, LPIPS_STD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class BackboneSignature:
    """Everything that decides features; it is written beside every number made from them."""

    name: str
    weights_sha256: str
    """Digest of the weights file, or of several files in the order of their names, joined."""
    resize: str


@dataclass(frozen=True)
class Backbone:
    """A network in eval mode and the size to which pictures are resized for it."""

    signature: BackboneSignature
    side: int
    """Height and width in pixels; other shapes are squeezed, as in clean-fid."""
    device: torch.device
    """The device that the network is on."""
    network: Callable[[Tensor], Tensor]
    """`(num_images, 3, side, side)` float32 in [0, 255] -> `(num_images, num_features)`."""

    def features(self, images: Tensor) -> NDArray[np.float32]:
        """`(num_images, num_features)` of `(num_images, 3, height, width)` uint8 of any size.

        The images are on the CPU, where they are resized.

        Raises:
            ValueError: another shape or dtype, as in `clean_resize`.
        """
        with torch.inference_mode():
            pixels = clean_resize(images, self.side).to(self.device)
            features = self.network(pixels).float()
        return features.cpu().numpy()


def clean_resize(images: Tensor, size: int) -> Tensor:
    """`(num_images, 3, size, size)` float32 in [0, 255] of `(num_images, 3, height, width)` uint8.

    Both are on the CPU. Every value is that of clean-fid's mode "clean" (Parmar et al. 2022):
    Pillow's antialiased bicubic in mode F for each channel, clipped, not rounded to levels.

    Raises:
        ValueError: the images are not such a tensor.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(
            f"want uint8 (num_images, 3, height, width), got {images.dtype} {tuple(images.shape)}"
        )
    channels = images.flatten(end_dim=1).numpy()
    resized = np.empty((len(channels), size, size), dtype=np.float32)
    for channel, result in zip(channels, resized, strict=True):
        levels = Image.fromarray(channel.astype(np.float32))
        result[:] = np.asarray(levels.resize((size, size), Image.Resampling.BICUBIC))
    return torch.from_numpy(resized.clip(0, 255)).unflatten(0, (len(images), 3))


def load_backbone(name: BackboneName, path: Path, device: torch.device) -> Backbone:
    """The backbone with the weights at `path`: a folder, or Inception's file.

    Raises:
        ValueError: weights are missing or incomplete; the message says where to get them.
    """
    return BACKBONES[name](path, device)


def load_alexnet(folder: Path, device: torch.device) -> Backbone:
    """The last layer of LPIPS' AlexNet trunk, averaged over positions: 256 features.

    Its weights are in the repository.
    """
    trunk = _alexnet_trunk(alexnet_file(folder)).to(device)
    means, stds = (_channels(values, device) for values in (LPIPS_MEAN, LPIPS_STD))

    def network(pixels: Tensor) -> Tensor:
        features: Tensor = trunk((pixels / 127.5 - 1 - means) / stds)
        return features.mean(dim=(2, 3))

    digest, side = ALEXNET_SHA256, ALEXNET_SIDE
    return Backbone(
        signature=_signature("alexnet", digest, side), side=side, device=device, network=network
    )


def _alexnet_trunk(file: Path) -> nn.Module:
    """AlexNet's convolutions as in LPIPS, without importing its package, which is slow."""
    layers = nn.Sequential(
        *(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
    )
    weights = load_file(file)
    layers.load_state_dict({name.removeprefix("features."): w for name, w in weights.items()})
    return layers.eval().requires_grad_(False)


def load_vae_backbone(folder: Path, device: torch.device) -> Backbone:
    """The model's autoencoder: mean and standard deviation over positions of each latent channel.

    In float32, with the posterior's mode, on pictures resized to the autoencoder's `sample_size`.
    """
    digest = sha256_of(weight_files("vae", folder))
    from diffusers import AutoencoderKL

    from zimage_eval.model.autoencoder import encode_images
    from zimage_eval.model.transformer import check_image_weights

    check_image_weights(folder.parent, ("vae",))
    vae = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).eval().to(device)

    def network(pixels: Tensor) -> Tensor:
        latents = encode_images(vae, pixels, generator=None).flatten(start_dim=2)
        return torch.cat([latents.mean(dim=2), latents.std(dim=2, unbiased=False)], dim=1)

    side = int(vae.config.sample_size)
    return Backbone(
        signature=_signature("vae", digest, side), side=side, device=device, network=network
    )


def load_inception(path: Path, device: torch.device) -> Backbone:
    """Inception-v3 as clean-fid's mode "clean" runs it: 2,048 features of the TorchScript file."""
    [file] = weight_files("inception", path)
    layers = torch.jit.load(str(file), map_location=device).eval().layers

    def network(pixels: Tensor) -> Tensor:
        return layers.forward((pixels - 128) / 128).view(len(pixels), -1)

    return Backbone(
        signature=_signature("inception", sha256_of([file]), 299),
        side=299,
        device=device,
        network=network,
    )


def load_clip_backbone(folder: Path, device: torch.device) -> Backbone:
    """A CLIP's projected image embeddings, not normalized.

    CMMD uses openai/clip-vit-large-patch14-336. Pictures are squeezed to a square, not cropped.
    """
    digest = sha256_of(weight_files("clip", folder))
    from transformers import CLIPVisionModelWithProjection

    model = _load_part(CLIPVisionModelWithProjection, folder).to(device)

    def network(pixels: Tensor) -> Tensor:
        embeds: Tensor = model(pixel_values=_normalized(pixels, CLIP_MEAN, CLIP_STD)).image_embeds
        return embeds

    side = int(model.config.image_size)
    return Backbone(
        signature=_signature("clip", digest, side), side=side, device=device, network=network
    )


def load_dinov2(folder: Path, device: torch.device) -> Backbone:
    """DINOv2's class token after the last norm, at 224 pixels (Stein et al. 2023 use ViT-L/14)."""
    digest = sha256_of(weight_files("dinov2", folder))
    from transformers import Dinov2Model

    model = _load_part(Dinov2Model, folder).to(device)

    def network(pixels: Tensor) -> Tensor:
        pooled: Tensor = model(_normalized(pixels, IMAGENET_MEAN, IMAGENET_STD)).pooler_output
        return pooled

    return Backbone(
        signature=_signature("dinov2", digest, 224), side=224, device=device, network=network
    )


def backbone_path(
    name: BackboneName, shipped: Mapping[str, Path], networks: Mapping[NetworkName, PinnedFile]
) -> Path:
    """Path of a backbone's weights.

    Args:
        name: of the backbone.
        shipped: paths of the weights that need no declaration: `alexnet` and `vae`.
        networks: declared weights of the others.

    Raises:
        ValueError: the weights are missing, or differ from the declared ones.
    """
    if name == "alexnet" or name == "vae":
        return shipped[name]
    return network_path(name, networks[name])


BACKBONES: Mapping[BackboneName, Callable[[Path, torch.device], Backbone]] = {
    "alexnet": load_alexnet,
    "vae": load_vae_backbone,
    "inception": load_inception,
    "clip": load_clip_backbone,
    "dinov2": load_dinov2,
}


def _signature(name: BackboneName, digest: str, side: int) -> BackboneSignature:
    return BackboneSignature(
        name=name, weights_sha256=digest, resize=f"Pillow mode F bicubic to {side}x{side}"
    )


def _normalized(pixels: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    means, stds = (_channels(values, pixels.device) for values in (mean, std))
    return (pixels / 255 - means) / stds


def _channels(values: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device)[:, None, None]


def _load_part(model_type: Any, folder: Path) -> Any:  # noqa: ANN401 - transformers is untyped
    """The model, without warnings about the weights in its folder that it does not use."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # the unused text half of a CLIP would be listed at length
    try:
        return load_whole(model_type, folder, model_type.__name__)
    finally:
        logging.set_verbosity(verbosity)
