"""A receipt lets another process ask for the answer to just one submit."""

import pytest

from argosy.client.receipt import Receipt
from argosy.schemas.errors import ConfigurationError, RunConflict, RunRefused
from argosy.schemas.inbox import RunSubmitted
from support.shell_world import client_of, hello, shell_world

RECEIPT = Receipt("2/17", 1_764_000_000_000, "ab" * 32)


def test_its_text_holds_it_all() -> None:
    assert Receipt.parse(str(RECEIPT)) == RECEIPT


@pytest.mark.parametrize("text", ["", "x", "1-2-3", f"{RECEIPT}-", str(RECEIPT)[:-1], "1-2-3-" + "g" * 64])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no receipt"):
        Receipt.parse(text)


async def test_who_comes_later_with_the_receipt_is_told_of_the_conflict() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: "first"
        run = await client.submit(hello, "x", run_id="taken")
        assert await run.result(timeout_seconds=150) == "first"
        other = await client.submit(hello, "y", run_id="taken")
        async with client_of(world) as later:
            with pytest.raises(RunConflict):
                await later.run("taken", receipt=other.receipt).result(timeout_seconds=150)
            assert await later.run("taken", receipt=run.receipt).result(timeout_seconds=150) == "first"
            assert await later.run("taken", hello).result(timeout_seconds=150) == "first"


async def test_a_refusal_is_found_by_who_comes_later_with_and_without_the_receipt() -> None:
    async with shell_world() as world, client_of(world) as client:
        submit = RunSubmitted(pipeline=hello.compile(), input={"no": "text"})
        position = await world.submit_raw("wrong", submit)
        run = client.run("wrong", receipt=Receipt(position, 0, "0" * 64))
        with pytest.raises(RunRefused) as refused:
            await run.result(timeout_seconds=150)
        assert refused.value.field == "input"
        async with client_of(world) as later:
            with pytest.raises(RunRefused):
                await later.run("wrong", receipt=run.receipt).result(timeout_seconds=150)
            with pytest.raises(RunRefused):
                await later.run("wrong").find()
            assert await later.run("unheard-of").find() is None
