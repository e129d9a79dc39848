from calibration.study.make_bank import BANK, BANK_SCHEMA
from zimage_eval.output.tables import SWAPPED_PROMPTS, read_table


def test_the_bank_has_every_seed_of_every_prompt_in_both_arms() -> None:
    rows = read_table(BANK, BANK_SCHEMA).to_pylist()
    assert {row["variant"] for row in rows} == {"baseline", SWAPPED_PROMPTS}
    assert not any(row["error"] for row in rows)
    seeds: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["variant"], row["prompt_id"])
        seeds[key] = seeds.get(key, 0) + 1
    assert len(seeds) * max(seeds.values()) == len(rows)
    assert BANK.stat().st_size < 2_000_000
