from argosy.client.streamed import Piece, Streams
from argosy.schemas.watch import StateChanged, TextStreamed


def piece(
    ordinal: int, text: str, attempt: int = 1, *, claimed_ms: int = 0, restarts: int = 0
) -> TextStreamed:
    return TextStreamed(
        task_id="r/a", attempt=attempt, ordinal=ordinal, text=text, claimed_ms=claimed_ms, restarts=restarts
    )


def test_pieces_come_in_order_and_make_the_text() -> None:
    streams = Streams()
    assert streams.take(piece(0, "one ")) == Piece("r/a", "one ", 1)
    assert streams.take(piece(1, "two")) == Piece("r/a", "two", 1)
    assert streams.text("r/a") == "one two"
    assert streams.text("r/b") == ""


def test_a_repeated_piece_is_given_once_and_a_lost_one_is_told() -> None:
    streams = Streams()
    streams.take(piece(0, "a"))
    assert streams.take(piece(0, "a")) is None
    found = streams.take(piece(3, "d"))
    assert found is not None
    assert found.missed == 2


def test_a_new_attempt_makes_the_old_text_void_and_its_late_pieces_are_dropped() -> None:
    streams = Streams()
    streams.take(piece(0, "old "))
    found = streams.take(piece(0, "new", 2))
    assert found == Piece("r/a", "new", 2, restarted=True)
    assert streams.take(piece(1, "late")) is None
    assert streams.text("r/a") == "new"


def test_a_later_claim_of_the_same_attempt_begins_anew() -> None:
    streams = Streams()
    streams.take(piece(0, "died", claimed_ms=100))
    found = streams.take(piece(0, "again", claimed_ms=200))
    assert found is not None
    assert found.restarted
    assert streams.take(piece(1, "zombie", claimed_ms=100)) is None


def test_a_handler_that_begins_anew_says_so() -> None:
    streams = Streams()
    streams.take(piece(0, "cut off"))
    found = streams.take(piece(0, "whole", restarts=1))
    assert found is not None
    assert found.restarted


def test_the_first_piece_that_is_seen_is_no_restart_even_of_a_later_attempt() -> None:
    found = Streams().take(piece(2, "x", 3))
    assert found == Piece("r/a", "x", 3, restarted=False, missed=2)


def test_other_events_are_none() -> None:
    assert Streams().take(StateChanged(task_id="r/a", attempt=1, state="running")) is None
