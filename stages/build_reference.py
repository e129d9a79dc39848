"""drawn scenes or a folder of pictures -> features of the reference pictures

models/<m>.yaml, models/lpips-alexnet/, models/<m>/vae/ -> data/reference/
"""

import shutil
from pathlib import Path

from stages import run


def main() -> None:
    """Write the features of the reference pictures, or none if the baseline is the reference."""
    from dataclasses import asdict

    from zimage_eval.metrics.sets.extraction import features_by_backbone
    from zimage_eval.metrics.sets.features import write_reference
    from zimage_eval.metrics.sets.reference import drawn_pictures, folder_pictures
    from zimage_eval.metrics.signatures import write_signatures
    from zimage_eval.model.environment import write_environment
    from zimage_eval.output.project import Project

    project = Project.open()
    spec = project.spec
    reference = spec.distribution.reference
    out = Path("data/reference")
    shutil.rmtree(out, ignore_errors=True)
    signatures: dict[str, dict[str, str]] = {}
    if reference.source != "baseline":
        pictures = (
            folder_pictures(reference)
            if reference.source == "folder"
            else drawn_pictures(reference.num_images, spec.distribution.seed, spec.defaults.image)
        )
        for backbone, features in features_by_backbone(
            list(pictures.values()), spec, project.shipped_backbones
        ):
            name = backbone.signature.name
            write_reference(out / f"{name}.parquet", list(pictures), features)
            signatures[name] = asdict(backbone.signature)
        print(f"{out}: {len(pictures)} pictures through {', '.join(signatures)}")
    write_signatures(out / "signatures.json", signatures)
    write_environment(Path("data/environment/build_reference.json"))


if __name__ == "__main__":
    run(main)
