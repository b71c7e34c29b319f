"""What an editor types into a search box: words, or an expression. `extensions.admin.files` calls `read`.

Every word may be in the name of a file or in one of its tags, and may go on; `a = "b"` and its like begin an
expression.
"""

from __future__ import annotations

import re
import unicodedata

from library.search.nodes import And, Clause, Expr, Or
from library.search.parse import parse
from library.words import words_of

MOST_WORDS = 20
"""Further ones are not looked at."""

_BEGINS_A_CLAUSE = re.compile(r'[\s(]*(?:"[^"]*"|[\w.]+)\s*(?:[=<>:]|(?:NOT|IN|HAS|EXISTS)\b)')


def read(text: str) -> Expr | None:
    """The expression that the text is, or stands for; None where it is blank. Raises SearchError."""
    text = normal(text)
    if not text:
        return None
    if _BEGINS_A_CLAUSE.match(text):
        return parse(text)
    words = list(dict.fromkeys(words_of(text)))[:MOST_WORDS]
    if not words:
        # Signs alone are no word of any name.
        return Clause("name", "HAS", (text,))
    return And(tuple(Or((Clause("name", "HAS", (word,)), Clause("tags", "HAS", (word,)))) for word in words))


def normal(text: str) -> str:
    """The text as names are stored, without blanks at its ends; positions of errors are in this one."""
    return unicodedata.normalize("NFC", text).strip()
