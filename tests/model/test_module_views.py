"""A view shares weights and nothing that is set on it."""

import pytest
import torch
from torch import nn

from zimage_eval.model.module_views import view_module


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.second: nn.Module = nn.Linear(2, 2)
        self.factor = 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x)) * self.factor


def test_what_is_set_on_a_view_stays_with_it() -> None:
    module, x, calls = Pair(), torch.ones(1, 2), []
    before = module(x)
    view = view_module(module)
    assert torch.equal(view(x), before)
    view.second, view.factor = nn.Identity(), 3.0
    view.register_forward_pre_hook(lambda _, args: calls.append(args))
    assert torch.equal(view(x), module.first(x) * 3)
    assert torch.equal(module(x), before)
    assert len(calls) == 1
    assert list(view.state_dict()) == ["first.weight", "first.bias"]
    assert list(module.state_dict()) == [
        f"{p}.{w}" for p in ("first", "second") for w in ("weight", "bias")
    ]


def test_weights_are_shared() -> None:
    module = Pair()
    view = view_module(module)
    assert view.first.weight is module.first.weight
    with torch.no_grad():
        module.first.weight.zero_()
    assert not view.first.weight.any()


def test_a_view_runs_its_own_forward_or_none() -> None:
    module, x = Pair(), torch.ones(1, 2)
    module._compiled_call_impl = lambda *_: torch.zeros(0)  # as `module.compile()` sets it
    view = view_module(module)
    view.factor = 2.0
    assert torch.equal(view(x), module.second(module.first(x)) * 2)
    assert module(x).shape == (0,)
    module.forward = lambda x: x  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="Pair: a forward that was replaced can't be viewed"):
        view_module(module)
