"""Which modules of a network depend on the timestep, and what each part of the network costs."""

from collections.abc import Callable, Mapping

import torch
from diffusers import ZImageTransformer2DModel
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from zimage_eval.model.module_views import view_module

Outputs = dict[str, list[torch.Tensor]]


@torch.no_grad()
def module_outputs(network: nn.Module, run: Callable[[], object]) -> Outputs:
    """The outputs of every module in one run, by module name: one per call, on the CPU."""
    outputs: Outputs = {}

    def record(name: str) -> Callable[[nn.Module, object, object], None]:
        def hook(module: nn.Module, args: object, output: object) -> None:
            if isinstance(output, torch.Tensor):
                outputs.setdefault(name, []).append(output.detach().cpu().clone())

        return hook

    handles = [
        module.register_forward_hook(record(name))
        for name, module in network.named_modules()
        if name
    ]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return outputs


def changed_modules(outputs: Outputs, reference: Outputs) -> dict[str, bool]:
    """Whether each module's outputs in two runs differ in any bit."""
    return {
        name: not all(torch.equal(*pair) for pair in zip(tensors, reference[name], strict=True))
        for name, tensors in outputs.items()
    }


def share_by_part(changed: Mapping[str, bool]) -> dict[str, dict[str, float]]:
    """By direct child of the network: how many of its modules ran, and how many of them changed."""
    rows: dict[str, dict[str, float]] = {}
    for name, is_changed in changed.items():
        row = rows.setdefault(name.split(".")[0], {"num_modules": 0, "num_see_timestep": 0})
        row["num_modules"] += 1
        row["num_see_timestep"] += is_changed
    return rows


def cost_by_part(network: nn.Module, run: Callable[[], object]) -> dict[str, dict[str, float]]:
    """Parameters and floating-point operations of each direct child in one run, and their shares.

    Operations are the ones that torch counts: matrix products, convolutions and attention.
    """
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        run()
    counts = counter.get_flop_counts()
    total_flops = sum(counts["Global"].values())
    total = sum(parameter.numel() for parameter in network.parameters())
    rows = {}
    for name, part in network.named_children():
        prefix = f"{type(network).__name__}.{name}"
        modules = [f"{prefix}.{child}" for child, _ in part.named_children()]
        # A ModuleList is never called itself, so the operations of its members are added up.
        called = [prefix] if prefix in counts else modules
        flops = sum(sum(counts[module].values()) for module in called if module in counts)
        parameters = sum(parameter.numel() for parameter in part.parameters())
        rows[name] = {
            "parameters": parameters,
            "share_of_parameters": parameters / total,
            "flops": flops,
            "share_of_flops": flops / total_flops,
        }
    return rows


class KeptOutput(nn.Module):
    """Runs its blocks in the first call only, and returns the same output in all later calls."""

    def __init__(self, blocks: nn.ModuleList) -> None:
        super().__init__()
        self.blocks = blocks
        self.output: torch.Tensor | None = None
        self.num_calls = 0

    def forward(
        self,
        x: torch.Tensor,
        attn_mask: torch.Tensor | None,
        freqs_cis: torch.Tensor,
        adaln_input: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Refined captions `(batch, length, dim)`; arguments are read in the first call only."""
        self.num_calls += 1
        if self.output is None:
            self.output = x
            for block in self.blocks:
                self.output = block(self.output, attn_mask, freqs_cis, adaln_input)
        return self.output


def with_kept_refiner(transformer: ZImageTransformer2DModel) -> ZImageTransformer2DModel:
    """A view for one prompt, or one batch of prompts, whose context refiner runs only once."""
    view = view_module(transformer)
    view.context_refiner = nn.ModuleList([KeptOutput(transformer.context_refiner)])
    return view
