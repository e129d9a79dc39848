"""Statements about failures that hold or don't."""

from collections.abc import Mapping

from zimage_eval.failure_detectors import ANOMALIES, BASELINES
from zimage_eval.failure_patterns import failing_levels

NumberRow = Mapping[str, float | None]


def failure_checks(rows: Mapping[str, NumberRow]) -> dict[str, float | None]:
    """By statement, 1.0 where it holds."""
    levels = {name: row for name, row in rows.items() if "p_rarer_than_others" in row}
    failing = failing_levels(levels)
    scaled = [row for name, row in rows.items() if name.startswith("scale=")]
    foretold = any(_beats_all(rows[f"detector={name}"]) for name in ANOMALIES)
    return {
        "scaling_embeddings_changes_no_picture": float(
            all(row["pictures_that_change"] == 0 for row in scaled)
        ),
        "one_channel_alone_changes_pictures": float(
            (rows["one_channel_times_50"]["pictures_that_change"] or 0) > 0
        ),
        "some_relation_word_fails": float(any(n.startswith("relation_word=") for n in failing)),
        "some_color_and_shape_fail_together": float(any(n.startswith("pair=") for n in failing)),
        "some_number_of_objects_fails": float(any(n.startswith("crowd=") for n in failing)),
        "an_embedding_detector_beats_length_words_and_vocabulary": float(foretold),
    }


def _beats_all(row: NumberRow) -> bool:
    lows = [row[f"gain_over_{baseline}_low"] for baseline in BASELINES]
    return all(low is not None and low > 0 for low in lows)
