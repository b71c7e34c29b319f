"""The one error of a search: what is wrong, and at which character of the expression."""

from __future__ import annotations

from mediahub.lib.errors import DomainError


class SearchError(DomainError):
    """The expression cannot be read or means nothing. `errors` gives the character, counted from 1.

    fault, position: the same apart, for other expressions that are read by the same grammar.
    """

    code = "invalid_search_query"

    def __init__(self, message: str, *, position: int) -> None:
        self.fault, self.position = message, position
        super().__init__(
            f"searchQuery, character {position}: {message}", field="searchQuery", errors={"position": position}
        )


def shown(value: object) -> str:
    """A value as a message quotes it, cut where it is long."""
    text = str(value)
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
