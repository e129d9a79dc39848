"""Views of a torch module: changes of a view don't reach the module or its other users."""

import copy
from collections import OrderedDict
from typing import TypeVar

import torch
from torch import nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


class Remembered(nn.Module):
    """A module that runs once: every later call returns what the first one returned.

    For what gets the same input again and again, such as a caption at every step of a denoising.
    """

    def __init__(self, module: nn.Module) -> None:
        """Nothing runs yet; the module's weights are shared."""
        super().__init__()
        self.module = module
        self.output: torch.Tensor | None = None

    def forward(self, *inputs: torch.Tensor | None) -> torch.Tensor:
        """The output of the first call, whatever the inputs of this one are."""
        if self.output is None:
            self.output = self.module(*inputs)
        return self.output


def view_module(module: AnyModule) -> AnyModule:
    """A shallow copy of a module that shares its weights and submodules.

    Attributes, submodules and forward pre-hooks that are set on the view are not set on the module;
    everything else is shared. A view is never compiled, even if its module is.

    Raises:
        ValueError: the module's forward has been replaced (accelerate does so to offload weights);
            the view's forward would run on the module instead of the view.
    """
    if "forward" in vars(module):
        raise ValueError(f"{type(module).__name__}: a forward that was replaced can't be viewed")
    view = copy.copy(module)
    view._compiled_call_impl = None  # the module's compiled call would run the module
    view._modules = dict(module._modules)
    view._forward_pre_hooks = OrderedDict(module._forward_pre_hooks)
    return view
