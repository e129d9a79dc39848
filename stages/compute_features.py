"""images of a study -> their features, for distances between sets of pictures

data/studies/<study>.json, data/images/<study>/, models/lpips-alexnet/, models/<m>/vae/
-> data/features/<study>/

Features are taken from the store where it holds them (stages/generate_images.py says more of it).
"""

import shutil
from pathlib import Path

from stages import run


def main(study: str) -> None:
    """Write the features of every image of a study, one table per backbone."""
    from zimage_eval.metrics.sets.features import write_study_features
    from zimage_eval.metrics.sets.stored_features import stored_features
    from zimage_eval.metrics.signatures import write_signatures
    from zimage_eval.model.environment import write_stored_environment
    from zimage_eval.output.project import Project
    from zimage_eval.output.store import FEATURES, RESULTS, open_kind
    from zimage_eval.output.stored.listed_pictures import ListedPicture
    from zimage_eval.output.stored.store_contents import note_uses
    from zimage_eval.output.tables import IMAGES, read_table

    project = Project.open(model=Project.open().study(study).model)
    folder = Path(f"data/images/{study}")
    table = read_table(folder / "images.parquet", IMAGES).to_pylist()
    rows = [row for row in table if row["error"] is None]
    pictures = [ListedPicture(folder / row["file"], row["pixels"]) for row in rows]
    store = open_kind(project.folder, FEATURES)

    out = Path(f"data/features/{study}")
    shutil.rmtree(out, ignore_errors=True)
    signatures: dict[str, dict[str, str]] = {}
    for signature, features in stored_features(
        pictures, project.spec, project.shipped_backbones, store
    ):
        name = signature["name"]
        write_study_features(out / f"{name}.parquet", rows, features)
        signatures[name] = signature
    write_signatures(out / "signatures.json", signatures)
    note_uses(out, [store])
    write_stored_environment(
        Path(f"data/environment/compute_features/{study}.json"),
        open_kind(project.folder, RESULTS),
    )
    print(f"{out}: {len(rows)} images through {', '.join(signatures)}")
    print(f"{out}: {store.num_found} batches from the store")


if __name__ == "__main__":
    run(main)
