"""Pure: the words of a text, as HAS compares them (API 3.4): split at everything that is no letter, mark or digit, and
without case. Models keep them beside names and tags; the search splits its own words in the same way."""

from __future__ import annotations

import re
import unicodedata

LONGEST_WORD = 100
"""What goes beyond is cut off, in the text and in the question alike, so that an index takes every word."""

_ASCII_GAPS = re.compile(r"[^0-9A-Za-z]+")


def words_of(text: str, *, is_folded: bool = True) -> list[str]:
    """The words in order, with repeats; without is_folded as they are written."""
    folded = unicodedata.normalize("NFC", text)
    folded = folded.casefold() if is_folded else folded
    if not folded.isascii():
        folded = "".join(char if unicodedata.category(char)[0] in "LMN" else " " for char in folded)
        return [word[:LONGEST_WORD] for word in folded.split(" ") if word]
    return [word[:LONGEST_WORD] for word in _ASCII_GAPS.split(folded) if word]


def spaced(text: str) -> str:
    """The words with a blank before and after each, so that ` word ` finds a whole word and ` wor` the start of one."""
    words = words_of(text)
    return f" {' '.join(words)} " if words else ""
