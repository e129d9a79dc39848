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
from typing import Any

from stages import run


def main(study: str) -> None:
    """Draw the images of every variant of a study, and write the table that lists them."""
    import pyarrow as pa
    from tqdm import tqdm

    from zimage_eval.model.devices import device_class, load_once, pick_device, start_workers
    from zimage_eval.model.environment import write_environment
    from zimage_eval.model.folder import IMAGE_PARTS, check_model, weights_digest
    from zimage_eval.model.memory import check_memory
    from zimage_eval.model.transformer import load_image_side
    from zimage_eval.output.progress import progress_interval
    from zimage_eval.output.project import Project
    from zimage_eval.output.store import open_store
    from zimage_eval.output.store_contents import note_uses
    from zimage_eval.output.tables import IMAGES, write_table
    from zimage_eval.sampling.batches import request_images, variant_batches
    from zimage_eval.sampling.generation import count_missing, draw_images
    from zimage_eval.sampling.image_keys import DrawingRecipe
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
    requests = request_images(variants, entry.confirm, prompts.rows)
    store = open_store(project.folder)
    weights, device = weights_digest(folder, IMAGE_PARTS), pick_device()
    load_pipe = load_once(lambda: load_image_side(folder, spec.dtype, device))

    out = Path(f"data/images/{study}")
    jobs = []
    for variant, wanted in requests:
        recipe = DrawingRecipe(weights, variant.settings, spec.dtype, device_class(device))
        for members, batch in variant_batches(
            variant, wanted, wordings, embeddings, limits, spec.batch_size, prompts.texts
        ):
            jobs.append((members, batch, recipe, store, load_pipe, out))
    if out.exists():
        shutil.rmtree(out)
    rows = []
    total = sum(len(wanted) for _, wanted in requests)
    interval = progress_interval()
    with (
        count_missing(study, total) as count,
        start_workers(device) as workers,
        tqdm(total=total, desc=study, unit="image", mininterval=interval) as bar,
    ):

        def draw(job: tuple[Any, ...]) -> list[dict[str, Any]]:
            drawn = draw_images(*job)
            count(len(drawn))
            return drawn

        for drawn in workers.map(draw, jobs):
            rows += drawn
            bar.update(len(drawn))
    write_table(out / "images.parquet", IMAGES, pa.Table.from_pylist(rows, schema=IMAGES.columns))
    note_uses(out, [store])
    write_environment(Path(f"data/environment/generate_images/{study}.json"))
    errors = [row["error"] for row in rows if row["error"]]
    print(f"{out}: {total} images, {store.num_found} from the store, {len(errors)} failed")
    if len(errors) == total:
        raise ValueError(f"{study}: every image failed, the first one with: {errors[0]}")


if __name__ == "__main__":
    run(main)
