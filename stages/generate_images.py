"""prompts, embeddings, image side of the model -> a study's images

data/studies/<study>.json, data/prompts/<role>/, data/{wordings,embeddings}/<study>.parquet,
models/<m>/{scheduler,transformer,vae}/ -> data/images/<study>/

Images are taken from the image store where it holds them. ZIMAGE_EVAL_STORE names another folder
for it than the one in DVC's cache; `off` makes every image anew. The output is the same. If the
model can't run a value, or an image has NaN or infinite values, its row holds the reason; any other
error ends the stage, and the next run goes on with what the store has.
"""

import shutil
from pathlib import Path

from stages import run


def main(study: str) -> None:
    """Draw the images of every variant of a study, and write the table that lists them."""
    import pyarrow as pa

    from zimage_eval.model.devices import pick_device
    from zimage_eval.model.environment import write_environment
    from zimage_eval.model.folder import IMAGE_PARTS, check_model
    from zimage_eval.model.memory import check_memory
    from zimage_eval.output.project import Project
    from zimage_eval.output.store import open_store
    from zimage_eval.output.stored.store_contents import note_uses
    from zimage_eval.output.tables import IMAGES, write_table
    from zimage_eval.sampling.batches import plan_variant, request_images
    from zimage_eval.sampling.painter import open_painter
    from zimage_eval.text.embeddings import read_embeddings
    from zimage_eval.text.wordings import read_wordings

    entry = Project.open().study(study)
    project = Project.open(model=entry.model)
    spec = project.spec
    folder = project.model_folder
    variants = entry.variants
    limits = check_model(folder, IMAGE_PARTS, variants)
    check_memory(folder, spec.dtype, IMAGE_PARTS, pick_device())
    embeddings = read_embeddings(Path(f"data/embeddings/{study}.parquet"))
    wordings = read_wordings(Path(f"data/wordings/{study}.parquet"))
    prompts = project.prompts(entry.prompts)
    store = open_store(project.folder)
    planned = [
        images
        for variant, requests in request_images(variants, entry.confirm, prompts.rows)
        for images in plan_variant(variant, requests, wordings, embeddings, limits, prompts.texts)
    ]
    out = Path(f"data/images/{study}")
    if out.exists():
        shutil.rmtree(out)
    with open_painter(folder, spec.dtype, spec.batch_size, store, spec.engine) as painter:
        rows = painter.paint_rows(planned, out, study)
    write_table(out / "images.parquet", IMAGES, pa.Table.from_pylist(rows, schema=IMAGES.columns))
    note_uses(out, [store])
    write_environment(Path(f"data/environment/generate_images/{study}.json"))
    errors = [row["error"] for row in rows if row["error"]]
    print(f"{out}: {len(rows)} images, {store.num_found} from the store, {len(errors)} failed")
    if len(errors) == len(rows):
        raise ValueError(f"{study}: every image failed, the first one with: {errors[0]}")


if __name__ == "__main__":
    run(main)
