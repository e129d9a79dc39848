"""images of a study -> their features, for distances between sets of pictures

data/studies/<study>.json, data/images/<study>/, models/lpips-alexnet/, models/<m>/vae/
-> data/features/<study>/
"""

import shutil
from pathlib import Path

from stages import run


def main(study: str) -> None:
    """Write the features of every image of a study, one table per backbone."""
    from dataclasses import asdict
    from functools import partial

    from zimage_eval.metrics.sets.extraction import features_by_backbone
    from zimage_eval.metrics.sets.features import write_study_features
    from zimage_eval.metrics.signatures import write_signatures
    from zimage_eval.model.environment import write_environment
    from zimage_eval.output.png import read_picture
    from zimage_eval.output.project import Project
    from zimage_eval.output.tables import IMAGES, read_table

    project = Project.open(model=Project.open().study(study).model)
    spec = project.spec
    folder = Path(f"data/images/{study}")
    table = read_table(folder / "images.parquet", IMAGES).to_pylist()
    rows = [row for row in table if row["error"] is None]
    pictures = [partial(read_picture, folder / row["file"]) for row in rows]

    out = Path(f"data/features/{study}")
    shutil.rmtree(out, ignore_errors=True)
    signatures: dict[str, dict[str, str]] = {}
    for backbone, features in features_by_backbone(pictures, spec, project.shipped_backbones):
        name = backbone.signature.name
        write_study_features(out / f"{name}.parquet", rows, features)
        signatures[name] = asdict(backbone.signature)
    write_signatures(out / "signatures.json", signatures)
    write_environment(Path(f"data/environment/compute_features/{study}.json"))
    print(f"{out}: {len(rows)} images through {', '.join(signatures)}")


if __name__ == "__main__":
    run(main)
