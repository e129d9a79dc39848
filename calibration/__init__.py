"""How small Z-Image models with known answers are made, studied and scored.

The rooms: `data` what a family is trained on, `train` how, `evaluation` how well it draws, `study`
the study run on it, `scorecard` what the study found beside what was planted. `families/` holds a
folder for each family. Nothing in `src` or `stages` imports this package.
"""
