"""The rows of the benchmark `embedding_cache`, from the store or measured.

What is compared of a study's table is decided by the table and the weights alone, so that a further
study has the text encoder run for its own texts.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_eval.config.benchmarks import EmbeddingCacheParams
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.config.settings import Settings
from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, check_parts, weights_digest
from zimage_eval.output.store import Store, load_or_compute
from zimage_eval.output.stored.entry_keys import computed_by, entry_key

if TYPE_CHECKING:  # a name of types decides nothing
    from zimage_eval.prompts.sets import PromptRow

Row = dict[str, float | None]


class CacheComparison:
    """Compares tables of embeddings, and pictures of them, with those made anew."""

    def __init__(
        self,
        folder: Path,
        defaults: Settings,
        dtype: DtypeSettings,
        entry: EmbeddingCacheParams,
        store: Store,
    ) -> None:
        """Use the model in `folder`, its settings and number formats, and a store of results."""
        self.folder = folder
        self.defaults = defaults
        self.dtype = dtype
        self.entry = entry
        self.store = store

    def study_row(self, table: Path) -> Row:
        """What `compare_table` finds in a study's table."""
        digest = hashlib.sha256(table.read_bytes()).hexdigest()
        row: Row = self._stored(partial(self._compare_table, table), table=digest)
        return row

    def format_rows(self, prompts: "Sequence[PromptRow]") -> dict[str, Row]:
        """Number format -> what `compare_roundtrip` and `compare_pictures` find in it.

        Args:
            prompts: rows of the prompt table of the screening phase.
        """
        rows: dict[str, Row] = self._stored(
            partial(self._compare_formats, prompts), prompts=prompts
        )
        return rows

    def _stored(self, compute: Any, **facts: object) -> Any:  # noqa: ANN401 - what JSON holds
        return load_or_compute(self.store, entry_key(**facts, **self._shared_facts), compute)

    @cached_property
    def _shared_facts(self) -> dict[str, object]:
        return {
            "kind": "embedding cache",
            "defaults": self.defaults.model_dump(),
            "dtype": self.dtype.model_dump(),
            "entry": self.entry.model_dump(),
            "weights": weights_digest(self.folder, (*TEXT_PARTS, *IMAGE_PARTS)),
            **computed_by(__name__),
        }

    @cached_property
    def _text_side(self) -> Any:  # noqa: ANN401 - TextSide, whose import takes seconds
        import torch

        from zimage_eval.model.devices import pick_device
        from zimage_eval.model.memory import check_memory
        from zimage_eval.text.encoder import load_text_side

        folder, dtype, device = self.folder, self.dtype, pick_device()
        check_parts(folder, (*TEXT_PARTS, *IMAGE_PARTS))
        for parts in (TEXT_PARTS, IMAGE_PARTS):  # one side is loaded after the other
            check_memory(folder, dtype, parts, device)
        # As in the workers that filled the tables, because last bits depend on it.
        torch.set_num_threads(1)
        return load_text_side(folder, dtype, device)

    def _compare_table(self, table: Path) -> Row:
        from zimage_eval.benchmarks.conditioning.embedding_cache import compare_table
        from zimage_eval.text.embeddings import read_embeddings

        return compare_table(read_embeddings(table), self._text_side, self.entry.num_texts)

    def _compare_formats(self, table: "Sequence[PromptRow]") -> dict[str, Row]:
        from zimage_eval.benchmarks.conditioning.embedding_cache import (
            compare_pictures,
            compare_roundtrip,
        )
        from zimage_eval.benchmarks.conditioning.probe_inputs import take_evenly
        from zimage_eval.model.devices import pick_device
        from zimage_eval.model.transformer import load_image_side
        from zimage_eval.text.encoder import load_text_side

        _ = self._text_side  # checks, and the number of threads
        folder, device = self.folder, pick_device()
        prompts = take_evenly(table, self.entry.num_texts)
        texts = [row["text"] for row in prompts]
        rows: dict[str, Row] = {}
        drawn = {}
        for name in self.entry.dtypes:
            dtype = self.dtype.model_copy(update={"text_encoder": name})
            text_side = load_text_side(folder, dtype, device)
            *drawn[name], rows[name] = compare_roundtrip(text_side, texts, self.defaults.encoder)
        del text_side
        pipe = load_image_side(folder, self.dtype, device)
        seeds = [row["seeds"][0] for row in prompts[: self.entry.num_images]]
        for name, (fresh, back) in drawn.items():
            rows[name] |= compare_pictures(pipe, fresh, back, seeds, self.defaults)
        return rows


def cache_checks(rows: dict[str, Row]) -> Row:
    """The findings as statements: 1.0 if a statement holds, else 0.0."""
    studies = [row for name, row in rows.items() if name.startswith("study=")]
    checks: Row = {
        "tables_equal_embeddings_made_anew": float(all(row["equal"] == 1 for row in studies))
    }
    for name, row in rows.items():
        if name.startswith("dtype="):
            dtype = name.removeprefix("dtype=")
            checks[f"cache_is_bit_identical_in_{dtype}"] = float(row["equal"] == 1)
            checks[f"cache_gives_equal_images_in_{dtype}"] = float(row["equal_images"] == 1)
    return checks
