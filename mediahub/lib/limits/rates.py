"""How often an account may ask (API 1.7): the rates of the settings, the headers of an answer, and the refusal.

`library.api.limits` spends one request per call of a limited API; `RateLimitHeadersMiddleware` writes what came of it
on the answer, whatever kind of answer that is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from mediahub.lib.env import Rate
from mediahub.lib.errors import DomainError
from mediahub.lib.limits import choosing
from mediahub.lib.limits.counting import SECOND_US

LONGEST_RETRY_AFTER_S = 60
"""SDKs obey `Retry-After` up to here and guess beyond (API 1.8)."""


@dataclass(frozen=True)
class Allowance:
    """What an answer says of a limit: `limit` requests in any `interval_ms`, the next one after `reset_ms`."""

    limit: int
    interval_ms: int
    reset_ms: int

    def headers(self) -> dict[str, str]:
        """ImageKit's three headers, whole numbers."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Reset": str(self.reset_ms),
            "X-RateLimit-Interval": str(self.interval_ms),
        }


class TooManyRequests(DomainError):
    """The account asks faster than it may; `retry_after_s` says when it may again."""

    code = "rate_limited"
    status = 429


def spend(request: Any, *, key: str, rate: Rate) -> None:
    """Take one request from a rate and put the allowance on the request. Raises TooManyRequests if none is left."""
    gap_us = max(1, round(SECOND_US / rate.per_second))
    taken = choosing.ask(lambda store: store.take(f"rate:{key}", gap_us=gap_us, burst=rate.burst))
    reset_ms = math.ceil(taken.wait_us / 1000)
    show(request, Allowance(rate.burst, math.ceil(gap_us * rate.burst / 1000), reset_ms))
    if not taken.is_allowed:
        raise TooManyRequests(
            f"Too many requests: this account may send {rate.per_second:g} a second, and {rate.burst} at once. "
            f"Try again after the time in the Retry-After header.",
            retry_after_s=min(LONGEST_RETRY_AFTER_S, max(1, math.ceil(reset_ms / 1000))),
        )


def show(request: Any, allowance: Allowance) -> None:
    """Have the answer to this request (Django's or REST framework's) carry the allowance."""
    getattr(request, "_request", request).allowance = allowance


class RateLimitHeadersMiddleware:
    """Write the allowance on every answer to a request that was counted, errors included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        allowance: Allowance | None = getattr(request, "allowance", None)
        if allowance is not None:
            for name, value in allowance.headers().items():
                response[name] = value
        return response
