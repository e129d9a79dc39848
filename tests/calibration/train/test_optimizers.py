"""The optimizers that train nano."""

import pytest
import torch

from calibration.data.truths import TextEncoderRecipe
from calibration.train.muon import Muon, orthogonalize
from calibration.train.optimizers import Optimizers
from calibration.train.train_text_encoder import build_text_encoder


@pytest.mark.parametrize("shape", [(3, 24, 24), (2, 16, 48), (2, 48, 16)])
def test_orthogonalized_matrices_keep_their_directions_at_one_length(
    shape: tuple[int, ...],
) -> None:
    torch.manual_seed(0)
    u, _, vh = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    lengths = torch.linspace(1, 20, u.shape[-1])
    turned = orthogonalize(u * lengths @ vh).float()
    aligned = torch.diagonal(u.mT @ turned @ vh.mT, dim1=-2, dim2=-1)
    assert aligned.min() > 0.6 and aligned.max() < 1.3


def test_muon_steps_by_the_learning_rate_whatever_the_gradients_length() -> None:
    torch.manual_seed(0)
    weights = [torch.zeros(8, 8, requires_grad=True) for _ in range(2)]
    muon = Muon(weights, torch.tensor(0.1))
    gradient = torch.randn(8, 8)
    weights[0].grad, weights[1].grad = gradient, 1024 * gradient
    muon.step()
    torch.testing.assert_close(weights[0], weights[1])
    assert torch.linalg.matrix_norm(weights[0].detach(), ord=2) == pytest.approx(0.1, rel=0.3)


def test_every_weight_is_trained_and_rates_reach_both_optimizers() -> None:
    torch.manual_seed(0)
    recipe = TextEncoderRecipe(
        hidden_size=16,
        num_layers=2,
        num_heads=2,
        intermediate_size=32,
        num_steps=1,
        batch_size=1,
        learning_rate=0.01,
        matrix_learning_rate=0.01,
    )
    model = build_text_encoder(recipe, 20)
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizers = Optimizers(model, 0.01, 0.01, betas=(0.9, 0.95))
    ids = torch.arange(20).reshape(2, 10)

    def step() -> None:
        states = model(input_ids=ids).last_hidden_state
        optimizers.step((states @ model.embed_tokens.weight.T).square().mean())

    step()
    assert all(torch.equal(before[name], value) for name, value in model.named_parameters())
    optimizers.set_rate(0.5)
    step()
    assert not any(torch.equal(before[name], value) for name, value in model.named_parameters())
