"""Identifiers as ImageKit's clients expect them: 24 hexadecimal digits, roughly ordered by time."""

import re
import secrets
import time

OBJECT_ID = re.compile(r"[0-9a-f]{24}\Z")


def new_object_id() -> str:
    """A fresh id: 4 bytes of Unix seconds and 8 random bytes, in hex."""
    return f"{int(time.time()) & 0xFFFFFFFF:08x}{secrets.token_hex(8)}"


def is_object_id(text: str) -> bool:
    """Whether the text has the form of a file, version or folder id."""
    return OBJECT_ID.match(text) is not None
