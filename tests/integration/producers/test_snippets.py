"""The snippet that the dev dependencies can run, against a real fleet: a producer that has nothing of ours."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from support.producers import Producers

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

CONFLUENT = Path(__file__).parents[3] / "examples" / "producers" / "confluent.py"


async def submitted(
    producers: Producers, pipeline: str, value: str, run_id: str
) -> tuple[int | None, str, str]:
    """Exit code, stdout, stderr of the snippet."""
    servers = producers.fleet.settings.kafka.bootstrap_servers
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CONFLUENT),
        pipeline,
        value,
        run_id,
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_foreign_client_submits_and_reads_the_result(producers: Producers) -> None:
    code, out, err = await submitted(producers, "talkative@1", '{"words": ["hello", "world"]}', "foreign-1")
    assert (code, out) == (0, '{"text": "hello world"}\n'), err


async def test_a_foreign_client_that_repeats_itself_gets_the_same_result_and_other_data_is_refused(
    producers: Producers,
) -> None:
    first = await submitted(producers, "talkative", '{"words": ["once"]}', "foreign-2")
    assert await submitted(producers, "talkative", '{"words": ["once"]}', "foreign-2") == first
    code, _, err = await submitted(producers, "talkative", '{"words": ["twice"]}', "foreign-2")
    assert (code, err.startswith("refused (conflict)")) == (1, True), err


async def test_a_foreign_client_is_told_the_path_of_what_is_wrong(producers: Producers) -> None:
    code, _, err = await submitted(producers, "talkative", '{"words": ["right", 7]}', "foreign-3")
    assert (code, err) == (1, 'refused (invalid): input.words.1: 7 is not of type "string"\n')
