"""XMP: the properties of a packet of RDF in XML, read by a parser that knows no entities (REL U9).

Structures within structures (a history of edits, say) are left out: the flat form has no place for them.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from library.embedded.values import clean_text

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MOST_ELEMENTS = 5000
MOST_PROPERTIES = 300
MOST_ITEMS = 500
DEEPEST = 24
_BAGS = frozenset({f"{RDF} Bag", f"{RDF} Seq", f"{RDF} Alt"})
_IGNORED_SPACES = (RDF, "http://www.w3.org/XML/1998/namespace", "adobe:ns:meta/")

Properties = dict[tuple[str, str], str | list[str]]


class _Refused(Exception):
    """The packet has what no XMP needs: a DOCTYPE or an entity."""


class _Enough(Exception):
    """The packet goes on beyond the limits, as the histories of some editors do."""


def read_xmp(packet: bytes) -> Properties:
    """Properties by (namespace, name); a list where the packet has one. What came before damage or a limit counts.

    A packet with a DOCTYPE or an entity gives nothing.
    """
    packet = packet.strip(b"\0 \t\r\n")
    if not packet:
        return {}
    target = _Target()
    # Expat itself: none of what stands above it lets the reader refuse a DOCTYPE before it is read.
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = _refuse
    parser.StartElementHandler = target.start
    parser.EndElementHandler = target.end
    parser.CharacterDataHandler = target.text
    try:
        parser.Parse(packet, True)
    except _Refused:
        return {}
    except (_Enough, expat.ExpatError, ValueError, LookupError):
        # ValueError and LookupError: an encoding that Python does not know, or that has no table.
        pass
    return target.found


def _refuse(*_: Any) -> int:
    raise _Refused


class _Target:
    """Collects what is two levels deep in an rdf:Description: a property, and the items of its list."""

    def __init__(self) -> None:
        self.found: Properties = {}
        self.path: list[str] = []
        self.pieces: list[str] = []
        self.length = 0
        self.elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1 + len(attributes)
        if self.elements > MOST_ELEMENTS or len(self.path) >= DEEPEST:
            raise _Enough
        self.path.append(name)
        self.pieces, self.length = [], 0
        if name == f"{RDF} Description" and self.path[:-1].count(name) == 0:
            for key, value in attributes.items():
                self._keep(key, value)

    def text(self, piece: str) -> None:
        if self.length < 10_000:
            self.pieces.append(piece)
            self.length += len(piece)

    def end(self, name: str) -> None:
        text, self.pieces, self.length = "".join(self.pieces), [], 0
        inner = self._within_description()
        if len(inner) == 1:
            self._keep(inner[0], text)
        elif len(inner) == 3 and inner[1] in _BAGS and inner[2] == f"{RDF} li":
            self._keep(inner[0], text, item=True)
        self.path.pop()

    def _within_description(self) -> list[str]:
        try:
            return self.path[self.path.index(f"{RDF} Description") + 1 :]
        except ValueError:
            return []

    def _keep(self, name: str, text: str, *, item: bool = False) -> None:
        space, _, local = name.rpartition(" ")
        text = clean_text(text)
        if not text or not space or space in _IGNORED_SPACES:
            return
        key = (space, local)
        if key not in self.found and len(self.found) >= MOST_PROPERTIES:
            return
        if not item:
            self.found.setdefault(key, text)
        elif isinstance(items := self.found.setdefault(key, []), list) and len(items) < MOST_ITEMS:
            items.append(text)
