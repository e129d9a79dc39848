"""prompts, tokenizer and text encoder -> the text that each study encodes, and its embeddings

data/studies/, data/prompts/<role>/, models/<m>/{tokenizer,text_encoder}/
-> data/wordings/<study>.parquet, data/embeddings/<study>.parquet

One run serves all studies, so that a text is encoded once for all studies that need it. The text
that a study's settings make of a prompt is kept too (wordings), for stages without a tokenizer.
Encodings are taken from the store where it holds them (stages/generate_images.py says more of it).
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Word and encode the prompts of every study's variants, and write two tables per study."""
    from zimage_eval.model.environment import write_stored_environment
    from zimage_eval.model.folder import TEXT_PARTS, check_model
    from zimage_eval.output.project import Project
    from zimage_eval.output.store import RESULTS, open_kind, store_root
    from zimage_eval.output.stored.store_contents import note_uses
    from zimage_eval.text.embeddings import EmbeddedText, write_embeddings
    from zimage_eval.text.needed_encodings import Encoding, study_encodings
    from zimage_eval.text.stored_encodings import (
        TextModel,
        open_text_stores,
        stored_encodings,
        stored_wordings,
    )
    from zimage_eval.text.wordings import write_wordings

    project = Project.open()
    spec = project.spec
    model = TextModel(project.model_folder, spec.dtype)
    stores = open_text_stores(store_root(project.folder))
    expanded = project.studies
    texts = {
        role: project.prompts(role).texts
        for role in dict.fromkeys(study.prompts for study in expanded.values())
    }
    embedded, worded = Path("data/embeddings"), Path("data/wordings")
    for outdated_file in (*embedded.glob("*.parquet"), *worded.glob("*.parquet")):
        outdated_file.unlink()
    encodings_by_role: dict[str, dict[str, set[Encoding]]] = {role: {} for role in texts}
    every_variant = [variant for study in expanded.values() for variant in study.variants]
    limits = check_model(model.folder, TEXT_PARTS, every_variant)
    for key, study in expanded.items():
        variants = study.variants
        phases = texts[study.prompts]
        wordings = stored_wordings(
            variants, study.confirm, phases, model, spec.filler_sentences, stores.wordings
        )
        pairs = study_encodings(variants, study.confirm, limits, phases, wordings)
        encodings_by_role[study.prompts][key] = pairs
        write_wordings(worded / f"{key}.parquet", wordings)

    encoded: dict[str, dict[Encoding, EmbeddedText]] = {}
    for role, studies in encodings_by_role.items():
        role_encodings = set().union(*studies.values())
        encoded[role] = stored_encodings(role_encodings, texts[role], model, stores.encodings)

    for role, studies in encodings_by_role.items():
        for key, pairs in studies.items():
            path = embedded / f"{key}.parquet"
            write_embeddings(path, [encoded[role][pair] for pair in pairs])
            print(f"{path}: {len(pairs)} encodings of {len({text for text, _ in pairs})} texts")
    note_uses(embedded, stores)
    print(f"{embedded}: {stores.encodings.num_found} encodings from the store")
    write_stored_environment(
        Path("data/environment/extract_embeddings.json"), open_kind(project.folder, RESULTS)
    )


if __name__ == "__main__":
    run(main)
