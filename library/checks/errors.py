"""What can be wrong with checks: they cannot be read, or the file does not meet them. Both are a 400."""

from __future__ import annotations

from mediahub.lib.errors import DomainError


class BadChecks(DomainError):
    """The expression cannot be read or means nothing. `errors` gives the character, counted from 1."""

    code = "invalid_checks"

    def __init__(self, message: str, *, position: int) -> None:
        super().__init__(f"checks, character {position}: {message}", field="checks", errors={"position": position})


class ChecksNotMet(DomainError):
    """The expression is false for this file. `errors` tells which operand of it, and where it stands."""

    code = "checks_not_met"

    def __init__(self, *, operand: str, position: int) -> None:
        super().__init__(
            f"The file does not meet the checks of this upload: what they say of {operand} at character {position} is "
            "false. Nothing was stored.",
            field="checks",
            errors={"position": position, "operand": operand},
        )
