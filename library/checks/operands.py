"""What checks can speak of: each operand with the kind of its values and its operators. A literal table."""

from __future__ import annotations

import re
from dataclasses import dataclass

EQUAL = frozenset({"=", "NOT =", "IN", "NOT IN"})
PRESENCE = frozenset({"EXISTS", "NOT EXISTS"})
TEXT = EQUAL | {":", "HAS"} | PRESENCE
ORDER = EQUAL | {"<", "<=", ">", ">="} | PRESENCE
CUSTOM = "request.customMetadata."
_CUSTOM_NAME = re.compile(r"[\w .-]{1,100}\Z")


@dataclass(frozen=True)
class Operand:
    """kind: how values are read and compared (`library.checks.evaluate`)."""

    kind: str
    operators: frozenset[str]


OPERANDS: dict[str, Operand] = {
    "request.folder": Operand("folder", EQUAL | {":"}),
    "request.fileName": Operand("text", TEXT),
    "request.tags": Operand("tags", EQUAL | {"HAS"} | PRESENCE),
    "request.description": Operand("text", TEXT),
    "request.isPrivateFile": Operand("flag", frozenset({"=", "NOT ="})),
    "request.isPublished": Operand("flag", frozenset({"=", "NOT ="})),
    "file.name": Operand("text", TEXT),
    "file.size": Operand("size", ORDER),
    "file.mime": Operand("mime", TEXT),
    "mediaMetadata.width": Operand("number", ORDER),
    "mediaMetadata.height": Operand("number", ORDER),
    "mediaMetadata.frames": Operand("number", ORDER),
    "mediaMetadata.hasAlpha": Operand("flag", frozenset({"=", "NOT ="}) | PRESENCE),
}
"""`request.customMetadata.<field>` comes on top, and compares by the value that the request has."""


def operand_named(name: str) -> Operand | None:
    """The operand of a clause; None if there is none."""
    if name.startswith(CUSTOM) and _CUSTOM_NAME.match(name.removeprefix(CUSTOM)):
        return Operand("custom", TEXT | ORDER)
    return OPERANDS.get(name)
