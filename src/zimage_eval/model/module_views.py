"""A module with changes that the module itself, and other threads that use it, never see."""

import copy
from collections import OrderedDict
from typing import TypeVar

from torch import nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def view_module(module: AnyModule) -> AnyModule:
    """A module with the same weights and submodules, which may be given others of its own.

    What is set on the view (attributes, submodules, hooks before its forward) is not set on the
    module; both share everything else. A view is not compiled, whatever its module is.

    Raises:
        ValueError: the module's forward has been replaced (accelerate does so to offload weights);
            the view's would run the module's.
    """
    if "forward" in vars(module):
        raise ValueError(f"{type(module).__name__}: a forward that was replaced can't be viewed")
    view = copy.copy(module)
    view._compiled_call_impl = None  # the module's would run the module
    view._modules = dict(module._modules)
    view._forward_pre_hooks = OrderedDict(module._forward_pre_hooks)
    return view
