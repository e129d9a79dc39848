"""Prompts that ask for every name in every color: `python -m calibration.data.concept_prompts`.

Writes prompts/scene_concepts/ (the scenes world, letters included) and prompts/natural_concepts/.
A file is a name: it in each color and, last, with no color said; once in the words that are
screened and once in those that are confirmed. Nothing else is said, so that the rest shows a
model's defaults.
"""

from pathlib import Path
from typing import Final

from calibration.data.scene_prompts import ScenePrompt, write_prompts
from zimage_eval.prompts.facts import Facts, ObjectFact
from zimage_eval.prompts.scenes.captions import noun
from zimage_eval.prompts.scenes.world import COLORS, NAMES

UNSAID: Final = "any"
"""Stands for the color in an id where none is said."""
NATURAL_COLORS: Final = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white",
)  # fmt: skip
NATURAL_NAMES: Final = (
    # What every collection of photographs shows ...
    "cup", "chair", "umbrella", "suitcase",
    # ... what is at home in one part of the world ...
    "kimono", "samovar", "tagine", "matryoshka doll",
    # ... what is rarer ...
    "theremin", "astrolabe",
    # ... and the controls: invented here, so that no collection shows them.
    "blorvit", "tanquel",
)  # fmt: skip
SCENE_LEADS: Final = ("", "a picture of ")
NATURAL_LEADS: Final = ("a photograph of ", "a picture of ")
_PHASE_WORDS: Final = ("screen", "confirm")


def concept_prompts(
    names: tuple[str, ...], colors: tuple[str, ...], leads: tuple[str, str]
) -> dict[str, dict[str, ScenePrompt]]:
    """By file and id: all colors of a name and none, in the first words and then in the second."""
    sets: dict[str, dict[str, ScenePrompt]] = {}
    for name in names:
        word = noun(name, 1)
        slug = word.lower().replace(" ", "_")
        sets[slug] = {}
        for lead, phase in zip(leads, _PHASE_WORDS, strict=True):
            for color in (*colors, None):
                phrase = " ".join(filter(None, (color, word)))
                article = "an" if phrase[0] in "aeiou" else "a"
                facts = Facts(objects=(ObjectFact(name=name, color=color),))
                # Scenes of their own, not two wordings of one: their noise shall differ.
                prompt_id = f"{slug}-{color or UNSAID}-{phase}"
                sets[slug][prompt_id] = ScenePrompt(f"{lead}{article} {phrase}", facts)
    return sets


def main() -> None:
    """Write the committed prompts of both sets."""
    scenes = concept_prompts(NAMES, tuple(COLORS), SCENE_LEADS)
    write_prompts(Path("prompts/scene_concepts"), scenes)
    natural = concept_prompts(NATURAL_NAMES, NATURAL_COLORS, NATURAL_LEADS)
    write_prompts(Path("prompts/natural_concepts"), natural)


if __name__ == "__main__":
    main()
