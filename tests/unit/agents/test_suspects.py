from argosy.agents.suspects import Suspects


def test_of_all_claims_under_way_one_may_bring_a_suspect() -> None:
    suspects = Suspects()
    assert suspects.may_claim()
    assert not suspects.may_claim()
    suspects.claimed(suspect=False)
    assert suspects.may_claim()


def test_while_a_suspect_runs_no_other_may_come() -> None:
    suspects = Suspects()
    assert suspects.may_claim()
    suspects.claimed(suspect=True)
    assert not suspects.may_claim()
    suspects.ended()
    assert suspects.may_claim()
