"""What a models/<model>.yaml says of measuring and of fillers, for models made up in tests."""

from typing import Any

MEASURING: dict[str, Any] = {
    "hand_labels": None,
    "networks": {},
    "distribution": {
        "backbones": ["alexnet"],
        "reference": {"source": "scenes", "num_images": 40},
        "seed": 0,
        "small_sets_allowed": [],
    },
    "filler_sentences": ["the day is calm", "a clock ticks next door"],
}
