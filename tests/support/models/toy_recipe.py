"""A family's recipe at toy size: every part trains for a moment."""

from pathlib import Path

from calibration.data.truths import TrainingRecipe, load_recipe

_TOY = {
    "corpus": {"num_scenes": 300, "vocab_size": 420},
    "autoencoder": {"block_out_channels": (16, 16, 32), "num_steps": 2, "batch_size": 8},
    "text_encoder": {
        "hidden_size": 32,
        "num_layers": 5,
        "num_heads": 2,
        "intermediate_size": 64,
        "num_steps": 2,
        "batch_size": 8,
    },
    "transformer": {
        "dim": 64,
        "num_layers": 1,
        "num_refiner_layers": 1,
        "num_steps": 3,
        "batch_size": 8,
    },
    "turbo": {
        "num_trajectories": 24,
        "num_teacher_steps": 16,
        "num_redrawn": 24,
        "num_redrawn_steps": 2,
        "num_steps": 2,
        "batch_size": 8,
    },
    "evaluation": {"num_prompts": 8},
    "ablation": {
        "num_scenes": 120,
        "num_steps": 9,
        "batch_size": 8,
        "num_prompts": 8,
        "num_held_out": 24,
        "num_seeds": {"baseline": 1, "refiner_timestep=true": 1, "hidden_layer=raw_last": 1},
    },
}


def toy_recipe() -> TrainingRecipe:
    """The committed recipe with all sizes and lengths cut down."""
    committed = load_recipe(Path("calibration/recipe.yaml")).model_dump()
    return TrainingRecipe.model_validate({part: committed[part] | _TOY[part] for part in committed})
