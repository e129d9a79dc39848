"""Views of a torch module: changes of a view don't reach the module or its other users."""

import copy
from collections import OrderedDict
from typing import TypeVar

from torch import nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


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
