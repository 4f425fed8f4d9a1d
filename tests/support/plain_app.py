"""A pipeline of two steps that need nothing from outside."""

# ruff: noqa: ARG001 - a handler's parameters are its interface

from argosy import Context, Pipeline, agent


@agent
async def halve(ctx: Context, text: str) -> str:
    """Give the first half."""
    return text[: len(text) // 2]


@agent
async def shout(ctx: Context, text: str) -> str:
    """Give it in capitals."""
    return text.upper()


plain = Pipeline("plain", takes=str, gives=str)
plain.returns(plain.step(shout, plain.step(halve, plain.input)))
