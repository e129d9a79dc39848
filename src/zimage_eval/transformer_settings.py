"""A transformer with refiner and RoPE settings applied; the loaded one stays as it is."""

from diffusers import ZImageTransformer2DModel
from torch import nn

from zimage_eval.module_views import view_module
from zimage_eval.refiner import ContextRefiner, RecordedTimestep
from zimage_eval.rope import build_rope
from zimage_eval.settings import Settings


def view_transformer(
    transformer: ZImageTransformer2DModel, settings: Settings
) -> ZImageTransformer2DModel:
    """The transformer as the settings want it, sharing its weights.

    Bit-identical to it where they are the model's own. Not for two threads at once: each makes its
    own view.
    """
    view = view_module(transformer)
    own = transformer.rope_embedder
    view.rope_embedder = build_rope(own, settings.rope, in_refiner=False)
    rope = timestep = None
    if settings.rope.rope_theta_scope == "refiner":
        rope = build_rope(own, settings.rope, in_refiner=True)
    if settings.refiner.refiner_timestep:
        view.t_embedder = timestep = RecordedTimestep(transformer.t_embedder)
    blocks = transformer.context_refiner
    refiner = ContextRefiner(blocks, settings.refiner, rope, timestep)
    view.context_refiner = nn.ModuleList([refiner])
    return view
