"""Settings as a model's `defaults` state them, for tests to change single leaves of."""

import json
from typing import Any

from zimage_eval.config.settings import KEYS, Settings, override

DEFAULTS: dict[str, dict[str, Any]] = {
    "prompt": {
        "own_lead": True,
        "word_order": "as_written",
        "prefix": "",
        "suffix": "",
        "filler_tokens": 0,
        "filler_counts": "filler",
        "filler_position": "before",
    },
    "encoder": {
        "hidden_layer": -2,
        "layer_map": "none",
        "chat_template": True,
        "system_prompt": "",
        "think_block": None,
        "padding_side": "right",
        "max_sequence_length": 512,
        "long_prompt": "truncate",
    },
    "sampler": {
        "sigma_schedule": "own",
        "shift": 3.0,
        "num_inference_steps": 8,
        "guidance_scale": 0.0,
        "negative_prompt": "",
    },
    "refiner": {
        "refiner_blend": 1.0,
        "dropped_refiner_layers": [],
        "refiner_attention": True,
        "refiner_feed_forward": True,
        "refiner_timestep": False,
        "refiner_delta": "own",
    },
    "rope": {
        "table_length": 1536,
        "rope_theta": 256.0,
        "rope_theta_scope": "all",
        "linear_scaling": 1.0,
        "ntk_scaling": 1.0,
    },
    "image": {"height": 64, "width": 64},
}
"""Every setting neutral: nothing that ZImagePipeline would not do of its own."""


def make_settings(**leaves: object) -> Settings:
    """`DEFAULTS` with some leaves replaced."""
    names = {leaf: (group, leaf) for group, leaf in KEYS}
    changes = [(names[leaf], value) for leaf, value in leaves.items()]
    return override(Settings.model_validate(DEFAULTS), changes)


def make_defaults(**leaves: object) -> dict[str, dict[str, Any]]:
    """The same as YAML has it."""
    return json.loads(make_settings(**leaves).canonical())
