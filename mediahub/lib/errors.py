"""The one error family of our own code: a stable code, a sentence for people, and how the wire says it.

Services raise `DomainError` or a subclass; `mediahub.lib.api.exception_handler` turns it into ImageKit's error body.
"""

from typing import Any


class DomainError(Exception):
    """Something a caller asked for cannot be done.

    code: stable, for programs. message: one sentence for people. status: HTTP status on the wire. field: the input at
    fault. reason: ImageKit's `reason` code where API 1.6 has one. errors: the body's `errors` member.
    members: further members of the body, under their names on the wire.
    """

    code = "invalid_request"
    status = 400

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        field: str | None = None,
        reason: str | None = None,
        errors: dict[str, Any] | list[Any] | None = None,
        retry_after_s: int | None = None,
        members: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status
        self.field = field
        self.reason = reason
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.members = members or {}


class NotFound(DomainError):
    """No such thing, or not this account's: both look the same (REL A4)."""

    code = "not_found"
    status = 404


class Conflict(DomainError):
    """The name or state is taken by something else."""

    code = "conflict"
    status = 409


class ServiceUnavailable(DomainError):
    """A part that this request needs does not answer at present; trying again is sensible."""

    code = "service_unavailable"
    status = 503
