"""The batched forward that trains nano equals diffusers' own forward."""

import copy

import pytest
import torch
from diffusers import ZImageTransformer2DModel

from calibration.data.latent_data import Captions
from calibration.evaluation.batched_transformer import (
    make_rotations,
    predict_batch,
    use_batched_attention,
)
from calibration.train.train_transformer import whiten_captions
from zimage_eval.model.folder import padded_length


@pytest.fixture(scope="module")
def transformer() -> ZImageTransformer2DModel:
    torch.manual_seed(0)
    model = ZImageTransformer2DModel(
        dim=64,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=1,
        n_kv_heads=1,
        cap_feat_dim=24,
        axes_dims=[16, 24, 24],
        axes_lens=[1536, 512, 512],
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


@pytest.mark.parametrize("size", [(16, 16), (12, 20)], ids=["no image pads", "four image pads"])
@pytest.mark.parametrize("lengths", [(9, 31, 32), (33, 40, 64)], ids=["one block", "two blocks"])
def test_batched_forward_equals_diffusers(
    transformer: ZImageTransformer2DModel, size: tuple[int, int], lengths: tuple[int, ...]
) -> None:
    captions = [torch.randn(length, 24) for length in lengths]
    latents, t = torch.randn(len(lengths), 16, *size), torch.tensor([0.1, 0.5, 0.9])
    with torch.no_grad():
        expected = transformer(list(latents.unsqueeze(2).unbind()), t, captions, return_dict=False)[
            0
        ]
        model = copy.deepcopy(transformer)
        use_batched_attention(model)
        padded = torch.zeros(len(lengths), padded_length(max(lengths)), 24)
        for row, caption in zip(padded, captions, strict=True):
            row[: len(caption)] = caption
        rotations = make_rotations(model, padded.shape[1], size[0] // 2, size[1] // 2)
        actual = predict_batch(model, latents, t, padded, torch.tensor(lengths), rotations)
    torch.testing.assert_close(actual, torch.stack(expected).squeeze(2), atol=2e-5, rtol=2e-5)


def test_whitened_captions_keep_what_a_large_shared_vector_drowns(
    transformer: ZImageTransformer2DModel,
) -> None:
    """Two words 1 % apart beside a common offset arrive as far apart as any other two."""
    model = copy.deepcopy(transformer)
    torch.nn.init.ones_(model.cap_embedder[0].weight)
    torch.manual_seed(1)
    embeds = 0.02 * torch.randn(256, 9, 24) + 5 * torch.randn(24)
    captions = Captions(embeds, torch.full((256,), 9))
    whiten_captions(model, [captions])
    with torch.no_grad():
        output = model.cap_embedder(embeds).flatten(0, 1)
    assert output.mean(dim=0).abs().max() < 1e-2
    variances = torch.linalg.eigvalsh(torch.cov(output.T))[-24:]
    # The norm takes one direction out, that of the shared vector.
    torch.testing.assert_close(variances[1:], torch.ones(23), atol=0.05, rtol=0)
