"""Guessing is slow (REL A6): refused keys, upload tokens and passwords are counted by where they come from and whom
they name. After a number of them, further ones are answered 429 at once, with a wait that doubles.

`note_failure` is for credentials that cannot be guessed: whoever presents a right key never comes here, so nobody's
failures lock anybody out. `begin_attempt` is for passwords, which are not even looked at while a wait lasts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings

from mediahub.lib.client_address import client_address
from mediahub.lib.errors import DomainError
from mediahub.lib.limits import choosing
from mediahub.lib.limits.counting import FORGET_US, SECOND_US, Subject
from mediahub.lib.limits.rates import Allowance, show

log = structlog.get_logger(__name__)

LONGEST_WAIT_US = 300 * SECOND_US
GENTLE_WAIT_US = 10 * SECOND_US
"""Longest wait by reason of a name alone: others can fail in somebody's name, from as many addresses as they have."""
OF_AN_ADDRESS = 3
OF_A_NAME = 10
"""How many times as many failures an address with many names, and a name from many addresses, are allowed."""


class TooManyFailures(DomainError):
    """So many credentials were refused that this one is not looked at; `retry_after_s` says when one will be."""

    code = "too_many_failures"
    status = 429


@dataclass(frozen=True)
class Attempt:
    """A password that is about to be tried, counted as a failure until it proves right."""

    subjects: tuple[Subject, ...]
    is_first_beyond: bool
    """Whether this one uses up what is free: the moment to tell somebody."""

    def succeeded(self) -> None:
        """It was right: forget the failures of this name at this address."""
        if self.subjects:
            choosing.ask(lambda store: store.forgive(self.subjects))


def note_failure(request: Any, who: str = "") -> None:
    """Count a refused key or upload token; the caller then answers its own 401, 403 or 400.

    request: Django's or REST framework's. who: the public key or account it named, "" if unknown. Raises
    TooManyFailures in place of that answer while its address, or what it named, has to wait; that is not counted.
    """
    attempt = _counted(request, "key", _subjects(request, "key", who))
    if attempt.is_first_beyond:
        log.warning("failed_keys_slowed", address=client_address(request.META), public_key=who or None)


def begin_attempt(request: Any, *, who: str, device: str = "") -> Attempt:
    """Count a log-in before its password is looked at, so that many at once cannot slip through together.

    who: the user name. device: the mark of a browser that has logged in under this name before; it is counted by
    itself, so that others who fail in this name, or at this address, do not slow its owner. Raises TooManyFailures.
    """
    free = settings.MEDIAHUB_FAILURES_BEFORE_SLOWING
    own = [Subject(f"fail:login:device:{name_hash(device)}", free, LONGEST_WAIT_US)] if device and free else []
    return _counted(request, "login", own or _subjects(request, "login", who))


def name_hash(text: str) -> str:
    """A name of any length and content as a short word."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def _subjects(request: Any, realm: str, who: str) -> list[Subject]:
    """This name at this address first, then the address whatever the name, then the name wherever it comes from."""
    free, address = settings.MEDIAHUB_FAILURES_BEFORE_SLOWING, client_address(request.META)
    if not free:
        return []
    found = []
    if address:  # without one, all clients would be taken for the same
        found.append(Subject(f"fail:{realm}:{address}:{name_hash(who)}", free, LONGEST_WAIT_US))
        found.append(Subject(f"fail:{realm}:{address}", free * OF_AN_ADDRESS, LONGEST_WAIT_US))
    if who:
        found.append(Subject(f"fail:{realm}:who:{name_hash(who)}", free * OF_A_NAME, GENTLE_WAIT_US))
    return found


def _counted(request: Any, realm: str, subjects: Sequence[Subject]) -> Attempt:
    if not subjects:
        return Attempt((), is_first_beyond=False)
    counted = choosing.ask(lambda store: store.count_failure(subjects))
    if counted.wait_us:
        show(request, Allowance(subjects[0].free, FORGET_US // 1000, math.ceil(counted.wait_us / 1000)))
        wait_s = max(1, math.ceil(counted.wait_us / SECOND_US))
        what = "log-ins" if realm == "login" else "requests with credentials that are not valid"
        raise TooManyFailures(f"Too many {what}. Try again in {wait_s} s.", retry_after_s=wait_s)
    beyond = any(count == subject.free for count, subject in zip(counted.counts, subjects, strict=True))
    return Attempt(tuple(subjects), is_first_beyond=beyond)
