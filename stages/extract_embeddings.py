"""data/prompts/, models/<m>/{tokenizer,text_encoder}/ -> data/{wordings,embeddings}/<study>.parquet

One run serves all studies: a text is encoded once for all that ask for it. What a study's settings
make of a prompt's words is kept beside the embeddings, for the stages that have no tokenizer.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Word and encode what the variants of every study read, and write a table for each study."""
    from zimage_eval.devices import pick_device, start_workers
    from zimage_eval.embeddings import write_embeddings
    from zimage_eval.encoding import encode_texts, study_encodings
    from zimage_eval.memory_needs import check_memory
    from zimage_eval.model_folder import TEXT_PARTS, check_model
    from zimage_eval.params import PHASES, expand_variants, load_model_spec, load_params
    from zimage_eval.tables import PROMPTS, read_table
    from zimage_eval.text_side import load_text_encoder, load_tokenizer
    from zimage_eval.wordings import study_wordings, write_wordings

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    folder = Path(f"models/{params.model}")
    texts = {
        phase: read_table(Path(f"data/prompts/{phase}.parquet"), PROMPTS)["text"].to_pylist()
        for phase in PHASES
    }
    check_memory(folder, spec.dtype, TEXT_PARTS, pick_device())
    tokenizer, wanted = load_tokenizer(folder), {}
    embedded, worded = Path("data/embeddings"), Path("data/wordings")
    for stale in (*embedded.glob("*.parquet"), *worded.glob("*.parquet")):
        stale.unlink()
    for key, study in params.studies.items():
        variants = expand_variants(study, spec.defaults)
        limits = check_model(folder, TEXT_PARTS, variants)
        fillers = spec.filler_sentences
        wordings = study_wordings(variants, study.confirm, texts, tokenizer, fillers)
        wanted[key] = study_encodings(variants, study.confirm, limits, texts, wordings)
        write_wordings(worded / f"{key}.parquet", wordings)

    everything = set().union(*wanted.values())
    device = pick_device()
    with start_workers(device) as workers:
        encoded = encode_texts(
            everything,
            texts,
            tokenizer,
            lambda: load_text_encoder(folder, spec.dtype, device),
            workers,
        )

    for key, pairs in wanted.items():
        path = embedded / f"{key}.parquet"
        write_embeddings(path, [encoded[pair] for pair in pairs])
        print(f"{path}: {len(pairs)} encodings of {len({text for text, _ in pairs})} texts")


if __name__ == "__main__":
    run(main)
