"""What every provider behind an HTTP API shares: one call through the outbound door, and its faults as our errors.

A subclass says how a request is made and how its answer is read; `call` returns a 2xx answer or raises one of the
three errors of `base`. Nothing that a supplier or a setting says reaches a message without its API key blotted out.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from extensions.providers.base import (
    PermanentProviderError,
    Provider,
    ProviderError,
    ProviderUnavailable,
    TransientProviderError,
)
from mediahub.lib.http import Answer, OutboundError, policy_from_settings, read_http_date, read_retry_after, request

log = structlog.get_logger(__name__)

NOT_CONFIGURED = "provider_not_configured"
KEY_REFUSED = "provider_key_refused"
OUT_OF_CREDITS = "provider_out_of_credits"
RATE_LIMITED = "provider_rate_limited"
TIMEOUT = "provider_timeout"
UNREACHABLE = "provider_unreachable"
SERVER_ERROR = "provider_error"
ANSWER_TOO_LARGE = "provider_answer_too_large"
REFUSED = "provider_refused"

LONGEST_QUOTE = 300
_ANSWER_BYTES_MAX = 4 << 20


class HttpProvider(Provider):
    """A supplier that is asked over HTTP. `call` serves several threads at once and keeps nothing."""

    @property
    @abstractmethod
    def api_key(self) -> str:
        """The secret from settings, "" if there is none. It is blotted out of whatever the supplier says."""

    def refusal(self, answer: Answer) -> ProviderError:
        """The error for a 4xx that is not about keys, credits, rates or time: the request itself was refused.

        Override it where the supplier's bodies carry codes. The default speaks of no code and quotes nothing.
        """
        return PermanentProviderError(REFUSED, f"{self.title} refused the request with status {answer.status}.")

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline_s: float,
        max_answer_bytes: int = _ANSWER_BYTES_MAX,
    ) -> Answer:
        """Make one call and return its answer, whose status is 2xx; redirects are not followed.

        url: from the operator's settings, so private addresses are allowed. deadline_s: for everything, look-up to
        last byte. Raises TransientProviderError for time-outs, broken connections, 408, 429 and 5xx (with the
        supplier's `Retry-After`), ProviderUnavailable for 401, 402, 403 and addresses that cannot be right, and what
        `refusal` returns for any other 4xx.
        """
        self._check_headers(headers)
        try:
            answer = request(
                method,
                url,
                headers=headers,
                body=body,
                deadline_s=deadline_s,
                max_answer_bytes=max_answer_bytes,
                policy=policy_from_settings(operator_address=True),
            )
        except OutboundError as error:
            log.warning(
                "provider_call_failed",
                provider=self.slug,
                reason=error.reason,
                detail=self.quote(error.message),
                address=error.address,
                ms=error.duration_ms,
            )
            raise self._outbound_error(error) from error
        if 200 <= answer.status < 300:
            return answer
        log.warning("provider_call_refused", provider=self.slug, status=answer.status, ms=answer.duration_ms)
        raise self._status_error(answer)

    def quote(self, text: object) -> str:
        """A supplier's words fit for a message: one line of printable characters, bounded, without the key."""
        words = str(text)
        if self.api_key:
            words = words.replace(self.api_key, "***")
        words = " ".join("".join(char if char.isprintable() else " " for char in words).split())
        return words if len(words) <= LONGEST_QUOTE else words[: LONGEST_QUOTE - 3] + "..."

    def _check_headers(self, headers: Mapping[str, str]) -> None:
        """Refuse what a header cannot carry here: http.client would name the value, a key among them, in its error."""
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise ProviderUnavailable(
                NOT_CONFIGURED, f"The API key of {self.title} holds characters that no header can carry."
            )

    def _outbound_error(self, error: OutboundError) -> ProviderError:
        """The message of an OutboundError names addresses of our network; clients get the reason in our words."""
        if error.reason == "blocked":
            return ProviderUnavailable(NOT_CONFIGURED, f"The address set for {self.title} cannot be called.")
        if error.reason == "timeout":
            return TransientProviderError(TIMEOUT, f"{self.title} did not answer in time.")
        if error.reason == "too_large":
            return TransientProviderError(ANSWER_TOO_LARGE, f"{self.title} answered with more than can be right.")
        return TransientProviderError(UNREACHABLE, f"{self.title} could not be reached ({error.reason}).")

    def _status_error(self, answer: Answer) -> ProviderError:
        status = answer.status
        if status in (401, 403):
            return ProviderUnavailable(KEY_REFUSED, f"{self.title} refused the API key (status {status}).")
        if status == 402:
            return ProviderUnavailable(OUT_OF_CREDITS, f"The account at {self.title} has no credits left.")
        if status == 429:
            return TransientProviderError(RATE_LIMITED, f"{self.title} is asked too often.", retry_after_of(answer))
        if status == 408 or status >= 500:
            message = f"{self.title} failed with status {status}."
            return TransientProviderError(SERVER_ERROR, message, retry_after_of(answer))
        if status < 400:
            message = f"The address set for {self.title} leads elsewhere (status {status}); set its present one."
            return ProviderUnavailable(NOT_CONFIGURED, message)
        return self.refusal(answer)


def retry_after_of(answer: Answer) -> float | None:
    """Seconds that a supplier asks to wait. A date is measured by the supplier's own clock, where it shows it."""
    now = read_http_date(answer.headers.get("date", "")) or datetime.now(UTC)
    return read_retry_after(answer.headers.get("retry-after"), now=now)
