"""The model client on the `openai` SDK: any endpoint that speaks the OpenAI protocol.

The SDK's own retries are off: layered retries multiply. Ours are few and short; after them the task waits its
turn
again without losing an attempt (ModelBusy), or its attempt fails (ModelFailed). Time counts from a free slot.
"""

import asyncio
import ipaddress
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from argosy.agents import openai_errors, openai_wire
from argosy.agents.model_client import Completion, ModelRequest
from argosy.agents.openai_errors import Trouble
from argosy.schemas.chat import Reply
from argosy.schemas.errors import ModelBusy, ModelFailed, ModelRefused
from argosy.schemas.settings import ModelSettings
from argosy.telemetry import names
from argosy.telemetry.spans import annotate

if TYPE_CHECKING:
    import openai

T = TypeVar("T")

TRIES: Final = 3
FIRST_WAIT_SECONDS: Final = 0.5
MOST_WAIT_SECONDS: Final = 15.0
"""A server that wants more patience than this gets its slot back, and the task waits outside."""


class OpenAIClient:
    """One per process. Bounded calls in flight per model; connections are made at the first call."""

    def __init__(self, settings: ModelSettings) -> None:
        """Keep the settings; nothing is connected or loaded yet."""
        self._settings = settings
        self._slots: dict[str, asyncio.Semaphore] = {}

    def load(self) -> None:
        """Load the library and make its client, if a server is configured: a second in which nothing else goes on."""
        if self._settings.api_key is not None or self._settings.base_url is not None:
            _ = self._sdk.chat.completions

    async def complete(self, request: ModelRequest) -> Completion:
        """Send one request and wait for the whole answer; see ModelClient for what is raised."""
        async with self._slot(request):

            async def once() -> Completion:
                async with asyncio.timeout(self._settings.timeout_seconds):
                    return await openai_wire.complete(self._sdk, request, modern=self._modern)

            return await self._tried(request, once)

    async def stream(self, request: ModelRequest) -> AsyncIterator[str | Reply]:
        """Give pieces of text, then the Reply. Only a request that has given nothing yet is tried again."""
        async with self._slot(request):

            async def once() -> AsyncIterator[str | Reply]:
                async with asyncio.timeout(self._settings.timeout_seconds):
                    return await openai_wire.stream(self._sdk, request, modern=self._modern)

            pieces = await self._tried(request, once)
            try:
                async for piece in pieces:
                    yield piece
            except (ValueError, *self._sdk_errors) as error:
                # Text is out already: to begin again would repeat it.
                raise self._trouble(error, request).error from error

    async def close(self) -> None:
        """Close all connections."""
        if "_sdk" in self.__dict__:
            await self._sdk.close()

    @asynccontextmanager
    async def _slot(self, request: ModelRequest) -> AsyncGenerator[None]:
        slots = self._slots.setdefault(request.model, asyncio.Semaphore(self._settings.max_calls))
        began = time.monotonic()
        async with slots:
            annotate({names.SLOT_SECONDS: round(time.monotonic() - began, 6)})
            yield

    async def _tried(self, request: ModelRequest, once: Callable[[], Awaitable[T]]) -> T:
        for number in range(1, TRIES + 1):
            annotate({names.TRIES: number})
            try:
                return await once()
            except (TimeoutError, ValueError, *self._sdk_errors) as error:
                trouble = self._trouble(error, request)
                wait = _wait_seconds(trouble, number)
                if request.limited and isinstance(trouble.error, ModelBusy):
                    wait = None  # the whole fleet is to wait, not this call alone
                if wait is None:
                    raise trouble.error from error
            await asyncio.sleep(wait)
        raise AssertionError  # the last try returned or raised

    def _trouble(self, error: Exception, request: ModelRequest) -> Trouble:
        if isinstance(error, TimeoutError) or openai_wire.is_timeout(error):
            message = f"{request.model} gave no answer within {self._settings.timeout_seconds:g} s"
            return Trouble(ModelFailed(message))
        if isinstance(error, ValueError):  # the SDK's own where an answer is no JSON, and that of openai_wire
            message = f"what the server of {request.model} sent can't be read: {error}"
            return Trouble(ModelFailed(message), again=True)
        answered = openai_wire.answered(error)
        if answered is None:
            return Trouble(
                ModelFailed(f"the connection to the server of {request.model} failed: {error}"), again=True
            )
        return openai_errors.judge(answered, request.model, request.prompt_tokens)

    @cached_property
    def _sdk(self) -> "openai.AsyncOpenAI":
        import openai  # noqa: PLC0415 (0.7 s and 50 MB: only who asks a model pays)

        settings = self._settings
        if settings.api_key is None and settings.base_url is None:
            raise ModelRefused(
                "no model server is configured; set OPENAI_API_KEY, or OPENAI_BASE_URL for your own server"
            )
        # A server without keys still gets the header: the SDK insists on one.
        key = settings.api_key.get_secret_value() if settings.api_key else "none"
        return openai.AsyncOpenAI(
            api_key=key,
            base_url=settings.base_url,
            max_retries=0,
            timeout=settings.timeout_seconds,
            # A proxy of the environment leads out of this machine, and can't reach a server on it.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False)
            if _on_loopback(settings.base_url)
            else None,
        )

    @cached_property
    def _sdk_errors(self) -> "tuple[type[openai.APIError]]":
        import openai  # noqa: PLC0415 (see _sdk)

        return (openai.APIError,)

    @property
    def _modern(self) -> bool:
        """Whether the server is OpenAI's own, which no longer takes `max_tokens`.

        Others may know only that.
        """
        return self._settings.base_url is None or "api.openai.com" in self._settings.base_url


def _on_loopback(base_url: str | None) -> bool:
    host = urlsplit(base_url or "").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _wait_seconds(trouble: Trouble, tries: int) -> float | None:
    """Say how long to wait before the next try; None if there is none."""
    if not trouble.again or tries >= TRIES:
        return None
    wait = trouble.after_seconds
    if wait is None:
        # Many workers meet the same busy server: they must not come back together.
        wait = FIRST_WAIT_SECONDS * 2 ** (tries - 1) * random.uniform(0.5, 1.5)  # noqa: S311 (no secret)
    return wait if wait <= MOST_WAIT_SECONDS else None
