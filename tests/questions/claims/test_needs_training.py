"""What frozen weights can't answer is not weighed on them."""

from tests.support.fakes.fake_claims import claim_of, measure


def test_nothing_is_said_of_these_weights() -> None:
    claim = claim_of(rule="needs_training", benchmark="ablations")
    evidence = claim.weigh(measure())
    assert (evidence.status, evidence.rungs) == ("not_testable", ())
    assert "frozen weights" in evidence.reason and claim.source == "ablations"
