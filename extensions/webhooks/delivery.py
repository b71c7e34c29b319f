"""One attempt of one delivery: send, record, decide what is next (REL W2 to W10, W17).

The call is made outside any transaction; the attempt, the delivery's next state and the receiver's turn are written
in one, conditional on the lease. A worker with more to do takes its next delivery in the same transaction.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from extensions.models import Turn, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from extensions.webhooks.backoff import next_attempt, parse_retry_after
from extensions.webhooks.claim import claim, pause_after, take_next
from extensions.webhooks.endpoints import switch_off
from extensions.webhooks.events import TEST
from extensions.webhooks.publish import QUEUE
from extensions.webhooks.rotation import secrets_for
from extensions.webhooks.signing import sign
from mediahub.lib import clock
from mediahub.lib.crash import crash_point
from mediahub.lib.http import OutboundError, policy_from_settings, request
from mediahub.lib.retry import repeat_on_conflict

log = structlog.get_logger(__name__)

State = WebhookDelivery.State
MOST_ANSWER_BYTES = 16 * 1024
LOGGED_ANSWER_BYTES = 1024
GONE = 410
ASKS_TO_WAIT = frozenset({429, 503})


@dataclass(frozen=True)
class Outcome:
    """What one attempt came to. `status` is None where no answer arrived; then `reason` says why."""

    duration_ms: int
    status: int | None = None
    reason: str = ""
    address: str = ""
    answer: str = ""
    location: str = ""
    retry_after: str | None = None

    def is_success(self, kind: str) -> bool:
        """Extension webhooks need exactly 200, events any 2xx (REL W2)."""
        if self.status is None:
            return False
        return self.status == 200 if kind == WebhookDelivery.Kind.EXTENSION else 200 <= self.status < 300


NOT_SENT = Outcome(duration_ms=0, reason="switched_off")
"""Instead of an attempt: the endpoint is off or gone."""


class _Overtaken(Exception):
    """The lease was lost; what this transaction wrote is taken back."""


class _Clock:
    """The database's clock, carried on by this process's own for a while: it need not be asked for every attempt."""

    ASKED_EVERY_S = 5.0

    def __init__(self) -> None:
        self._asked = 0.0
        self._told: datetime | None = None

    def now(self) -> datetime:
        """The present moment."""
        passed_s = time.monotonic() - self._asked
        if self._told is None or passed_s > self.ASKED_EVERY_S:
            self._told, self._asked, passed_s = clock.now(), time.monotonic(), 0.0
        return self._told + timedelta(seconds=passed_s)


def deliver_one() -> WebhookDelivery | None:
    """Send one due delivery and record the attempt; None if nothing may be sent now."""
    ticking = _Clock()
    delivery = claim(now=ticking.now())
    if delivery is not None:
        deliver(delivery, ticking, may_go_on=lambda: False)
    return delivery


def deliver_while(may_go_on: Callable[[], bool]) -> None:
    """Send due deliveries one after the other until none may be sent now, or `may_go_on` says no."""
    ticking = _Clock()
    delivery = claim(now=ticking.now()) if may_go_on() else None
    while delivery is not None:
        delivery = deliver(delivery, ticking, may_go_on=may_go_on)
        if delivery is None and may_go_on():
            delivery = claim(now=ticking.now())


def deliver(delivery: WebhookDelivery, ticking: _Clock, *, may_go_on: Callable[[], bool]) -> WebhookDelivery | None:
    """Send a claimed delivery, record the attempt, and take the next delivery if there is one and it `may_go_on`."""
    crash_point("delivery.claimed")
    started_at = ticking.now()
    try:
        outcome = NOT_SENT if _is_called_off(delivery) else send(delivery, started_at=started_at)
    except Exception as error:
        # Whatever it is, the attempt counts: a delivery that can never be sent must not be tried for ever.
        log.exception("delivery_failed_unexpectedly", delivery=delivery.message_id)
        outcome = Outcome(duration_ms=0, reason="internal", answer=_clean(f"{type(error).__name__}"))
    crash_point("delivery.sent")
    now = ticking.now()
    _, following = _record(delivery, outcome, started_at=started_at, now=now, take_more=may_go_on())
    if outcome is not NOT_SENT:
        _switch_off_if_due(delivery, outcome, now=now)
    return following


def send(delivery: WebhookDelivery, *, started_at: datetime) -> Outcome:
    """Make the call. Every failure comes back as an Outcome with its reason."""
    body = bytes(delivery.body)
    timestamp = int(started_at.timestamp())
    headers = {"Content-Type": "application/json"} | sign(
        message_id=delivery.message_id,
        timestamp=timestamp,
        body=body,
        secrets=secrets_for(delivery, now=started_at),
    )
    try:
        answer = request(
            "POST",
            delivery.url,
            headers=headers,
            body=body,
            deadline_s=settings.MEDIAHUB_WEBHOOK_TIMEOUT_S,
            max_answer_bytes=MOST_ANSWER_BYTES,
            policy=policy_from_settings(),
            want_body="log",
        )
    except OutboundError as error:
        return Outcome(duration_ms=error.duration_ms, reason=error.reason, address=error.address, answer=error.message)
    return Outcome(
        duration_ms=answer.duration_ms,
        status=answer.status,
        reason="" if 200 <= answer.status < 300 else "http_error",
        address=answer.address,
        answer=_as_text(answer.body),
        location=_clean(answer.headers.get("Location", "") or "")[:2048],
        retry_after=answer.headers.get("Retry-After") if answer.status in ASKS_TO_WAIT else None,
    )


def record(delivery: WebhookDelivery, outcome: Outcome, *, started_at: datetime) -> bool:
    """Write the attempt and what comes next; False if the lease was lost and somebody else decides."""
    won, _ = _record(delivery, outcome, started_at=started_at, now=clock.now(), take_more=False)
    return won


@repeat_on_conflict
def _record(
    delivery: WebhookDelivery, outcome: Outcome, *, started_at: datetime, now: datetime, take_more: bool
) -> tuple[bool, WebhookDelivery | None]:
    """Whether the attempt was written, and the next delivery, taken in the same transaction."""
    try:
        with transaction.atomic():
            _write(delivery, outcome, started_at=started_at, now=now)
            return True, take_next(now=now) if take_more else None
    except _Overtaken:
        log.warning("delivery_overtaken", delivery=delivery.message_id)
        return False, None


def _write(delivery: WebhookDelivery, outcome: Outcome, *, started_at: datetime, now: datetime) -> None:
    succeeded = outcome.is_success(delivery.kind)
    if outcome is not NOT_SENT:
        # Turn before delivery, as in claiming, so that no two workers wait for each other.
        _remember(delivery, succeeded=succeeded, now=now)
    number = delivery.attempts_made + (outcome is not NOT_SENT)
    reason = "" if succeeded else outcome.reason or "http_error"
    held = WebhookDelivery.objects.filter(pk=delivery.pk, state=State.SENDING, token=delivery.token)
    if not held.update(
        **_next_state(delivery, outcome, succeeded=succeeded, now=now),
        token=None,
        woken_at=None,
        attempts_made=number,
        last_status=outcome.status,
        last_reason=reason,
    ):
        raise _Overtaken
    if outcome is NOT_SENT:
        return
    WebhookAttempt(
        delivery_id=delivery.pk,
        number=number,
        started_at=started_at,
        duration_ms=outcome.duration_ms,
        address=outcome.address[:64],
        status=outcome.status,
        reason=reason,
        answer=outcome.answer[:1024],
        location=outcome.location,
    ).save(force_insert=True)
    if delivery.endpoint_id is not None:
        was_failing = delivery.terms is None or delivery.terms.endpoint_is_failing
        _remember_endpoint(delivery.endpoint_id, was_failing=was_failing, succeeded=succeeded, now=now)


def _next_state(delivery: WebhookDelivery, outcome: Outcome, *, succeeded: bool, now: datetime) -> dict[str, object]:
    if outcome is NOT_SENT:
        return {"state": State.CANCELLED, "finished_at": now}
    if succeeded:
        return {"state": State.DELIVERED, "finished_at": now}
    if outcome.status == GONE:
        return {"state": State.GONE, "finished_at": now}
    due_at = next_attempt(
        first_at=delivery.first_due_at,
        # Counted from the window's start, because a replay opens a new window with its own schedule.
        attempt=delivery.attempts.filter(started_at__gte=delivery.first_due_at).count() + 1,
        now=now,
        retry_after_s=parse_retry_after(outcome.retry_after, now),
        rng=random.Random(),  # noqa: S311 - spreads load, guards nothing
    )
    if due_at is None:
        return {"state": State.EXPIRED, "finished_at": now}
    return {"state": State.PENDING, "due_at": due_at}


def _remember(delivery: WebhookDelivery, *, succeeded: bool, now: datetime) -> None:
    """Count the receiver's failures in a row (REL W14).

    A success writes only if the receiver was failing when the delivery was claimed; a failure since then is forgotten
    by the next success, which comes soon at a sound receiver.
    """
    turns = Turn.objects.filter(queue=QUEUE, key=delivery.receiver)
    if succeeded:
        if delivery.terms is None or delivery.terms.receiver_is_failing:
            turns.filter(failures__gt=0).update(failures=0, paused_until=None)
        return
    turn = turns.select_for_update().first()
    if turn is not None:
        turn.failures += 1
        pause = pause_after(turn.failures)
        turn.paused_until = now + pause if pause else None
        turn.save(update_fields=["failures", "paused_until"])


def _is_called_off(delivery: WebhookDelivery) -> bool:
    """Whether the endpoint was switched off or deleted after this delivery was made. A test goes to any endpoint."""
    if delivery.kind != WebhookDelivery.Kind.EVENT or delivery.terms is None:
        return False
    is_on = delivery.terms.endpoint_is_on
    return is_on is None or not (is_on or delivery.event == TEST)


def _remember_endpoint(endpoint_id: int, *, was_failing: bool, succeeded: bool, now: datetime) -> None:
    """Keep since when an endpoint has done nothing but fail (REL W21); a write only where that changes."""
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id)
    if succeeded and was_failing:
        endpoint.update(failing_since=None)
    elif not succeeded:
        endpoint.filter(failing_since=None).update(failing_since=now)


def _switch_off_if_due(delivery: WebhookDelivery, outcome: Outcome, *, now: datetime) -> None:
    """Switch the endpoint off that says it is gone, or that has failed for days without a single success."""
    if delivery.endpoint_id is None or outcome.is_success(delivery.kind):
        return
    if outcome.status == GONE:
        switch_off(endpoint_id=delivery.endpoint_id, reason=WebhookEndpoint.Off.GONE, now=now)
        return
    too_long = now - timedelta(days=settings.MEDIAHUB_WEBHOOK_OFF_AFTER_DAYS)
    if WebhookEndpoint.objects.filter(pk=delivery.endpoint_id, enabled=True, failing_since__lte=too_long).exists():
        switch_off(endpoint_id=delivery.endpoint_id, reason=WebhookEndpoint.Off.FAILING, now=now)


def _as_text(body: bytes) -> str:
    return _clean(body[:LOGGED_ANSWER_BYTES].decode("utf-8", errors="replace"))


def _clean(text: str) -> str:
    """Without NUL and other controls, which PostgreSQL or a page would choke on."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
