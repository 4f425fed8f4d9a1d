from argosy.testing.chaos_plan import BY_NAME, KINDS, LINKS, Cast, Pace, plan

CAST = Cast(("a-1", "a-2", "b-1"), ("coordinator-1", "coordinator-2"), ("a", "b"), 4.0, own=True)
PACE = Pace(600.0, 10.0, 5.0)


def test_the_same_seed_plans_the_same_faults_and_another_seed_others() -> None:
    assert plan(7, PACE, CAST, KINDS) == plan(7, PACE, CAST, KINDS)
    assert plan(7, PACE, CAST, KINDS) != plan(8, PACE, CAST, KINDS)


def test_every_kind_comes_once_before_any_comes_again() -> None:
    strikes = plan(3, PACE, CAST, KINDS)
    first = [strike.kind.name for strike in strikes[: len(KINDS)]]
    assert sorted(first) == sorted(BY_NAME)


def test_faults_come_after_the_calm_and_are_over_in_time() -> None:
    strikes = plan(3, PACE, CAST, KINDS)
    assert strikes[0].at == 10.0
    assert [strike.at for strike in strikes] == sorted(strike.at for strike in strikes)
    assert all(strike.at + strike.seconds <= 600 for strike in strikes)
    assert plan(3, Pace(5.0, 10.0, 5.0), CAST, KINDS) == []


def test_victims_are_of_the_kind_that_a_fault_is_for() -> None:
    for strike in plan(3, PACE, CAST, KINDS):
        match strike.kind.target:
            case "worker" | "workers":
                assert set(strike.victims) <= set(CAST.workers)
            case "coordinator":
                assert set(strike.victims) <= set(CAST.coordinators)
            case "coordinators":
                assert strike.victims == CAST.coordinators
            case "link":
                assert set(strike.victims) <= set(LINKS)
            case "agent":
                assert set(strike.victims) <= set(CAST.agents)
            case "submitter":
                assert strike.victims == ("submitter",)
            case "service" | "own":
                assert strike.victims == ()


def test_a_freeze_lasts_three_leases() -> None:
    frozen = [strike for strike in plan(3, PACE, CAST, KINDS) if strike.kind.name.startswith("freeze-")]
    assert frozen
    assert all(strike.seconds == 12.0 for strike in frozen)


def test_what_only_our_own_app_has_handlers_for_is_left_out_for_others() -> None:
    others = Cast(CAST.workers, CAST.coordinators, CAST.agents, 4.0, own=False)
    assert not {"killer", "block-loop"} & {strike.kind.name for strike in plan(3, PACE, others, KINDS)}


def test_without_pauses_there_is_still_an_end_to_faults_that_take_no_time() -> None:
    strikes = plan(3, Pace(10.0, 0.0, 0.0), CAST, [BY_NAME["kill-worker"]])
    assert 1 < len(strikes) <= 51
