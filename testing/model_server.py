"""`python -m argosy.testing.model_server`: a model server that plays a script, for tests and demos."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from argosy.broker import tokens
from argosy.schemas.errors import ConfigurationError
from argosy.testing.model_script import Script, load_script
from argosy.testing.model_service import ModelService
from argosy.testing.model_serving import ModelServer, address_of, listen

app = typer.Typer(add_completion=False)


@app.command()
def main(
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="On loopback; 0 = any free one.")] = 0,
    script: Annotated[
        Path | None, typer.Option(help="A script, JSON or TOML; without one it echoes what it is asked.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as one line of JSON.")] = False,
) -> None:
    """Serve the OpenAI protocol by script, until SIGTERM or Ctrl-C, which end it at once."""
    try:
        service = ModelService(load_script(script) if script is not None else Script())
        sock = listen(port)
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    address = address_of(sock)
    tokens.count("")  # loads the vocabulary: the first caller shouldn't wait for it

    def tell() -> None:
        base_url = f"{address}/v1"
        if as_json:
            told = {"base_url": base_url, "address": address, "models": service.models, "pid": os.getpid()}
            typer.echo(json.dumps(told))
        else:
            typer.echo(f"a scripted model answers at {base_url}; {address}/ tells what else there is")
            typer.echo(f"export OPENAI_BASE_URL={base_url} OPENAI_API_KEY=none")

    server = ModelServer(service, tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: server.stop())
    with sock:
        asyncio.run(server.serve([sock]))


if __name__ == "__main__":
    app(prog_name="python -m argosy.testing.model_server")
