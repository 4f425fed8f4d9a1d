"""Canonical JSON and its hash: one value, one sequence of bytes, one SHA-256."""

import hashlib
import json

from pydantic import JsonValue


def canonical_json(value: JsonValue) -> bytes:
    """Encode with sorted keys, no spaces, UTF-8.

    NaN and infinities raise ValueError, lone surrogates UnicodeEncodeError. Close to RFC 8785; numbers are
    printed as Python prints them, which is stable between our releases.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def sha256_hex(data: bytes) -> str:
    """Return the lower-case hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def canonical_hash(value: JsonValue) -> str:
    """Return the SHA-256 of the canonical JSON of `value`."""
    return sha256_hex(canonical_json(value))
