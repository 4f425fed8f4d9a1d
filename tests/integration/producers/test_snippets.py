"""The snippets against a real fleet: producers of other libraries and languages, that have nothing of ours."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from support import snippets
from support.producers import Producers

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

CONFLUENT = [sys.executable, str(snippets.FOLDER / "confluent.py")]


async def submitted(
    producers: Producers, command: Sequence[str], pipeline: str, value: str, run_id: str
) -> tuple[int | None, str, str]:
    """Exit code, stdout, stderr of a snippet."""
    servers = producers.fleet.settings.kafka.bootstrap_servers
    process = await asyncio.create_subprocess_exec(
        *command,
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
    words = (producers, CONFLUENT, "talkative@1", '{"words": ["hello", "world"]}', "foreign-1")
    code, out, err = await submitted(*words)
    assert (code, out) == (0, '{"text": "hello world"}\n'), err


async def test_a_foreign_client_that_repeats_itself_gets_the_same_result_and_other_data_is_refused(
    producers: Producers,
) -> None:
    words = (producers, CONFLUENT, "talkative", '{"words": ["once"]}', "foreign-2")
    first = await submitted(*words)
    assert await submitted(*words) == first
    code, _, err = await submitted(producers, CONFLUENT, "talkative", '{"words": ["twice"]}', "foreign-2")
    assert (code, err.startswith("refused (conflict)")) == (1, True), err


async def test_a_foreign_client_is_told_the_path_of_what_is_wrong(producers: Producers) -> None:
    words = (producers, CONFLUENT, "talkative", '{"words": ["right", 7]}', "foreign-3")
    code, _, err = await submitted(*words)
    assert (code, err) == (1, 'refused (invalid): input.words.1: 7 is not of type "string"\n')


async def test_kcat_submits_and_reads_the_result_or_the_refusal(producers: Producers) -> None:
    command = snippets.kcat()
    code, out, err = await submitted(producers, command, "talkative", '{"words": ["by", "kcat"]}', "kcat-1")
    assert code == 0, err
    ended = json.loads(out)
    assert (ended["type"], ended["outcome"]) == ("argosy.run.ended.v1", "succeeded")
    assert ended["result"]["value"] == {"text": "by kcat"}
    code, out, err = await submitted(producers, command, "talkative", '{"words": ["right", 7]}', "kcat-2")
    assert code == 0, err
    refused = json.loads(out)
    assert (refused["type"], refused["field"]) == ("argosy.submit.refused.v1", "input.words.1")


async def test_a_go_program_submits_and_reads_the_result_or_the_refusal(
    producers: Producers, tmp_path: Path
) -> None:
    command = await asyncio.to_thread(snippets.go, tmp_path)
    code, out, err = await submitted(producers, command, "talkative", '{"words": ["by", "go"]}', "go-1")
    assert code == 0, err
    assert json.loads(out)["value"] == {"text": "by go"}
    code, _, err = await submitted(producers, command, "talkative", '{"words": ["right", 7]}', "go-2")
    assert code == 1
    assert '"field":"input.words.1"' in err
