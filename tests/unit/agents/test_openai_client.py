import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from argosy.agents import openai_client
from argosy.agents.model_client import AnswerSchema, ToolCall, ToolCalls, ToolResult, ToolSpec
from argosy.agents.openai_client import OpenAIClient
from argosy.schemas.chat import Message, Reply, Usage
from argosy.schemas.errors import ContextOverflow, ModelBusy, ModelFailed, ModelRefused
from argosy.schemas.settings import ModelSettings
from support.model_server import KEY, Script, answer, chunks, error, request, streamed


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_client, "FIRST_WAIT_SECONDS", 0.0)


@pytest.fixture(scope="module")
def _started() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as made:
        yield made


@pytest.fixture
def server(_started: HTTPServer) -> HTTPServer:
    """A server that serves several calls at once."""
    _started.clear()
    return _started


@asynccontextmanager
async def client_of(settings: ModelSettings) -> AsyncGenerator[OpenAIClient]:
    client = OpenAIClient(settings)
    try:
        yield client
    finally:
        await client.close()


async def pieces(client: OpenAIClient) -> list[str | Reply]:
    return [piece async for piece in client.stream(request())]


async def test_a_request_gives_a_reply_with_its_usage(server: HTTPServer) -> None:
    script = Script(server, answer("hello"))
    async with client_of(script.settings) as client:
        completion = await client.complete(replace(request(), max_output_tokens=64))
    assert completion.reply == Reply(
        text="hello", usage=Usage(input_tokens=11, output_tokens=3), model="m-2026"
    )
    assert script.bodies == [
        {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 64, "stream": False}
    ]
    assert script.headers[0]["Authorization"] == f"Bearer {KEY}"


async def test_a_server_of_this_machine_is_not_asked_through_a_proxy(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    script = Script(server, answer("hello"))
    async with client_of(script.settings) as client:
        assert (await client.complete(request())).reply.text == "hello"


async def test_the_answers_schema_and_the_tools_are_sent(server: HTTPServer) -> None:
    script = Script(server, answer("{}"))
    schema = AnswerSchema("Notes", {"type": "object"}, strict=True)
    tool = ToolSpec("search", "Look it up.", {"type": "object"})
    async with client_of(script.settings) as client:
        await client.complete(replace(request(), answer=schema, tools=(tool,)))
    assert script.bodies[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "Notes", "schema": {"type": "object"}, "strict": True},
    }
    assert script.bodies[0]["tools"][0]["function"]["name"] == "search"


async def test_calls_of_tools_come_and_go(server: HTTPServer) -> None:
    asked = [{"id": "t1", "type": "function", "function": {"name": "search", "arguments": "{}"}}]
    script = Script(server, answer("", stop="tool_calls", tool_calls=asked))
    call = ToolCall("t1", "search", "{}")
    turns = (Message(role="system", content="s"), ToolCalls((call,)), ToolResult("t1", "[]"))
    async with client_of(script.settings) as client:
        completion = await client.complete(replace(request(), turns=turns))
    assert completion.calls == (call,)
    assert completion.reply.stop == "tool_calls"
    assert [message["role"] for message in script.bodies[0]["messages"]] == ["system", "assistant", "tool"]


async def test_a_busy_server_is_asked_again_after_its_own_time(server: HTTPServer) -> None:
    script = Script(server, error(429, headers={"retry-after-ms": "1"}), answer("hello"))
    async with client_of(script.settings) as client:
        assert (await client.complete(request())).reply.text == "hello"
    assert len(script.bodies) == 2


async def test_a_server_that_stays_busy_ends_in_patience_not_in_failure(server: HTTPServer) -> None:
    script = Script(server, error(503, headers={"retry-after-ms": "2"}))
    async with client_of(script.settings) as client:
        with pytest.raises(ModelBusy) as caught:
            await client.complete(request())
    assert caught.value.after_seconds == 0.002
    assert len(script.bodies) == openai_client.TRIES


async def test_a_long_wait_is_left_to_the_worker_at_once(server: HTTPServer) -> None:
    script = Script(server, error(429, headers={"retry-after": "120"}))
    async with client_of(script.settings) as client:
        with pytest.raises(ModelBusy) as caught:
            await client.complete(request())
    assert caught.value.after_seconds == 120
    assert len(script.bodies) == 1


async def test_a_failing_server_is_asked_a_few_times_and_then_fails_the_attempt(server: HTTPServer) -> None:
    script = Script(server, error(500))
    async with client_of(script.settings) as client:
        with pytest.raises(ModelFailed):
            await client.complete(request())
    assert len(script.bodies) == openai_client.TRIES


@pytest.mark.parametrize(
    "body",
    ["<html>a proxy's page</html>", "[]", "null", '"x"', '{"choices": null}', '{"choices": "none"}', "{"],
)
@pytest.mark.parametrize("type_", ["application/json", "text/html"])
async def test_an_answer_that_is_no_completion_is_asked_for_again_and_fails_the_attempt(
    server: HTTPServer, body: str, type_: str
) -> None:
    script = Script(server, lambda: Response(body, content_type=type_))
    async with client_of(script.settings) as client:
        with pytest.raises(ModelFailed, match="can't be read"):
            await client.complete(request())
    assert len(script.bodies) == openai_client.TRIES


@pytest.mark.parametrize("choices", ["[]", "[{}]", '[{"message": null}]'])
async def test_a_completion_without_a_message_is_no_empty_text(server: HTTPServer, choices: str) -> None:
    script = Script(server, lambda: Response(f'{{"choices": {choices}}}', content_type="application/json"))
    async with client_of(script.settings) as client:
        with pytest.raises(ModelFailed, match="without a choice"):
            await client.complete(request())


async def test_a_wrong_key_is_refused_clearly_and_once(server: HTTPServer) -> None:
    script = Script(server, error(401, code="invalid_api_key", message=f"Incorrect API key provided: {KEY}"))
    async with client_of(script.settings) as client:
        with pytest.raises(ModelRefused, match="OPENAI_API_KEY") as caught:
            await client.complete(request())
    assert KEY not in str(caught.value)
    assert len(script.bodies) == 1


async def test_a_prompt_too_long_for_the_model_is_an_overflow_with_its_size(server: HTTPServer) -> None:
    said = error(400, type="exceed_context_size_error", n_prompt_tokens=9031)
    script = Script(server, said)
    async with client_of(script.settings) as client:
        with pytest.raises(ContextOverflow) as caught:
            await client.complete(request())
    assert caught.value.measured_tokens == 9031


async def test_a_server_that_is_not_there_fails_the_attempt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = ModelSettings(base_url=f"http://127.0.0.1:{port}/v1")
    async with client_of(settings) as client:
        with pytest.raises(ModelFailed, match="connection"):
            await client.complete(request())


async def test_a_server_that_never_answers_fails_the_attempt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = ModelSettings(
            base_url=f"http://127.0.0.1:{silent.getsockname()[1]}/v1", timeout_seconds=0.05
        )
        async with client_of(settings) as client:
            with pytest.raises(ModelFailed, match=r"no answer within 0\.05 s"):
                await client.complete(request())


async def test_no_server_configured_says_what_to_set() -> None:
    async with client_of(ModelSettings()) as client:
        with pytest.raises(ModelRefused, match="OPENAI_BASE_URL"):
            await client.complete(request())


async def test_a_server_without_keys_needs_none(server: HTTPServer) -> None:
    script = Script(server, answer("hello"))
    async with client_of(script.settings.model_copy(update={"api_key": None})) as client:
        assert (await client.complete(request())).reply.text == "hello"


async def test_a_stream_gives_pieces_and_at_last_the_reply(server: HTTPServer) -> None:
    script = Script(server, lambda: streamed(chunks("hel", "lo")))
    async with client_of(script.settings) as client:
        found = await pieces(client)
    whole = Reply(text="hello", usage=Usage(input_tokens=11, output_tokens=3), model="m-2026")
    assert found == ["hel", "lo", whole]
    assert script.bodies[0]["stream_options"] == {"include_usage": True}


async def test_a_stream_is_tried_again_before_its_first_piece(server: HTTPServer) -> None:
    script = Script(server, error(503, headers={"retry-after-ms": "1"}), lambda: streamed(chunks("hello")))
    async with client_of(script.settings) as client:
        assert (await pieces(client))[0] == "hello"


async def test_a_stream_with_an_error_inside_fails_and_is_not_repeated(server: HTTPServer) -> None:
    def broken() -> Response:
        return streamed(
            [*chunks("hel", stop=None), b'data: {"error": {"message": "out of memory", "code": 500}}\n\n']
        )

    script = Script(server, broken)
    async with client_of(script.settings) as client:
        with pytest.raises(ModelFailed, match="out of memory"):
            await pieces(client)
    assert len(script.bodies) == 1


@pytest.mark.parametrize("event", ["[]", '"x"', '{"choices": 1}', "{"])
async def test_an_event_of_a_stream_that_is_no_chunk_fails_the_attempt(
    server: HTTPServer, event: str
) -> None:
    script = Script(server, lambda: streamed([*chunks("hel", stop=None), f"data: {event}\n\n".encode()]))
    async with client_of(script.settings) as client:
        with pytest.raises(ModelFailed, match="can't be read"):
            await pieces(client)
    assert len(script.bodies) == 1


async def test_a_chunk_without_a_delta_says_nothing(server: HTTPServer) -> None:
    bare = b'data: {"choices": [{"index": 0, "finish_reason": "stop"}]}\n\n'
    script = Script(server, lambda: streamed([*chunks("hel", stop=None), bare, b"data: [DONE]\n\n"]))
    async with client_of(script.settings) as client:
        assert (await pieces(client))[0] == "hel"


async def test_a_stream_that_breaks_off_fails() -> None:
    with _Cut(stalls=False) as settings:
        async with client_of(settings) as client:
            with pytest.raises(ModelFailed, match="connection"):
                await pieces(client)


async def test_a_stream_that_stalls_fails() -> None:
    with _Cut(stalls=True) as settings:
        async with client_of(settings) as client:
            with pytest.raises(ModelFailed, match="no answer within"):
                await pieces(client)


async def test_calls_in_flight_are_bounded_per_model(server: HTTPServer) -> None:
    inside, most, both = [0], [0], threading.Barrier(2)
    lock = threading.Lock()

    def counted() -> Response:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        both.wait(60)
        with lock:
            inside[0] -= 1
        return answer("hello")

    script = Script(server, counted)
    async with (
        client_of(script.settings.model_copy(update={"max_calls": 2})) as client,
        asyncio.TaskGroup() as group,
    ):
        for number in range(6):
            group.create_task(client.complete(request()), name=f"call {number}")
    assert most == [2]


async def test_time_is_counted_from_a_free_slot(server: HTTPServer) -> None:
    script = Script(server, lambda: streamed(chunks("hel", "lo")), answer("hello"))
    settings = script.settings.model_copy(update={"max_calls": 1, "timeout_seconds": 3.0})
    async with client_of(settings) as client:
        stream = client.stream(request())
        assert await anext(stream) == "hel"
        waiting = asyncio.create_task(client.complete(request()), name="waiting")
        done, _pending = await asyncio.wait({waiting}, timeout=3.2)
        assert not done
        rest = [piece async for piece in stream]
        assert rest[0] == "lo"
        assert (await waiting).reply.text == "hello"


async def test_another_model_has_slots_of_its_own(server: HTTPServer) -> None:
    script = Script(server, lambda: streamed(chunks("hel", "lo")), answer("hello"))
    async with client_of(script.settings.model_copy(update={"max_calls": 1})) as client:
        stream = client.stream(request())
        assert await anext(stream) == "hel"
        other = replace(request(), model="other")
        assert (await client.complete(other)).reply.text == "hello"
        assert len([piece async for piece in stream]) == 2


async def test_a_cancelled_call_gives_its_slot_back(server: HTTPServer) -> None:
    script = Script(server, answer("hello"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        update = {"base_url": f"http://127.0.0.1:{silent.getsockname()[1]}/v1", "max_calls": 1}
        async with client_of(script.settings.model_copy(update=update)) as client:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(client.complete(request()), 0.05)


class _Cut:
    """Answers one request with a stream that is shorter than it says: it breaks off, or stalls."""

    def __init__(self, *, stalls: bool) -> None:
        self._stalls = stalls
        self._left = threading.Event()

    def __enter__(self) -> ModelSettings:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="cut stream", daemon=True)
        self._thread.start()
        port: int = self._socket.getsockname()[1]
        timeout = 0.2 if self._stalls else 30.0
        return ModelSettings(base_url=f"http://127.0.0.1:{port}/v1", timeout_seconds=timeout)

    def __exit__(self, *_error: object) -> None:
        self._left.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # nobody who still waits for a caller waits on
        self._thread.join(60)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):  # on a busy machine whoever was to come has given up before
            connection, _address = self._socket.accept()
            with connection:
                connection.recv(65536)
                body = b"".join(chunks("hel", stop=None))
                head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 99999\r\n\r\n"
                connection.sendall(head + body)
                if self._stalls:
                    self._left.wait(60)
