"""prompts, tokenizer and text encoder -> the text that each study encodes, and its embeddings

data/studies/, data/prompts/<role>/, models/<m>/{tokenizer,text_encoder}/
-> data/wordings/<study>.parquet, data/embeddings/<study>.parquet

One run serves all studies, so that a text is encoded once for all studies that need it. The text
that a study's settings make of a prompt is kept too (wordings), for stages without a tokenizer.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Word and encode the prompts of every study's variants, and write two tables per study."""
    from zimage_eval.model.devices import load_once, pick_device, start_workers
    from zimage_eval.model.environment import write_environment
    from zimage_eval.model.folder import TEXT_PARTS, check_model
    from zimage_eval.model.memory import check_memory
    from zimage_eval.output.project import Project
    from zimage_eval.text.embeddings import TextEmbeddings, write_embeddings
    from zimage_eval.text.encoder import load_text_encoder, load_tokenizer
    from zimage_eval.text.encoding import Encoding, encode_texts, study_encodings
    from zimage_eval.text.wordings import study_wordings, write_wordings

    project = Project.open()
    spec = project.spec
    folder = project.model_folder
    expanded = project.studies
    texts = {
        role: project.prompts(role).texts
        for role in dict.fromkeys(study.prompts for study in expanded.values())
    }
    check_memory(folder, spec.dtype, TEXT_PARTS, pick_device())
    embedded, worded = Path("data/embeddings"), Path("data/wordings")
    for outdated_file in (*embedded.glob("*.parquet"), *worded.glob("*.parquet")):
        outdated_file.unlink()
    tokenizer, device = load_tokenizer(folder), pick_device()
    encodings_by_role: dict[str, dict[str, set[Encoding]]] = {role: {} for role in texts}
    for key, study in expanded.items():
        variants = study.variants
        phases = texts[study.prompts]
        limits = check_model(folder, TEXT_PARTS, variants)
        wordings = study_wordings(variants, study.confirm, phases, tokenizer, spec.filler_sentences)
        pairs = study_encodings(variants, study.confirm, limits, phases, wordings)
        encodings_by_role[study.prompts][key] = pairs
        write_wordings(worded / f"{key}.parquet", wordings)

    load_encoder = load_once(lambda: load_text_encoder(folder, spec.dtype, device))
    encoded: dict[str, dict[Encoding, TextEmbeddings]] = {}
    with start_workers(device) as workers:
        for role, studies in encodings_by_role.items():
            role_encodings = set().union(*studies.values())
            encoded[role] = encode_texts(
                role_encodings, texts[role], tokenizer, load_encoder, workers
            )

    for role, studies in encodings_by_role.items():
        for key, pairs in studies.items():
            path = embedded / f"{key}.parquet"
            write_embeddings(path, [encoded[role][pair] for pair in pairs])
            print(f"{path}: {len(pairs)} encodings of {len({text for text, _ in pairs})} texts")
    write_environment(Path("data/environment/extract_embeddings.json"))


if __name__ == "__main__":
    run(main)
