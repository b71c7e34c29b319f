"""One attempt of one delivery: send, record, decide what is next (REL W2 to W10, W17).

The call is made outside any transaction; the attempt, the delivery's next state and the receiver's turn are written
in one, conditional on the lease.
"""

import random
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

from extensions.models import Turn, WebhookAttempt, WebhookDelivery
from extensions.webhooks.backoff import next_attempt, parse_retry_after
from extensions.webhooks.claim import claim, pause_after
from extensions.webhooks.publish import QUEUE
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


def deliver_one() -> WebhookDelivery | None:
    """Send one due delivery and record the attempt; None if nothing may be sent now."""
    delivery = claim(now=clock.now())
    if delivery is None:
        return None
    crash_point("delivery.claimed")
    started_at = clock.now()
    try:
        outcome = send(delivery, started_at=started_at)
    except Exception as error:
        # Whatever it is, the attempt counts: a delivery that can never be sent must not be tried for ever.
        log.exception("delivery_failed_unexpectedly", delivery=delivery.message_id)
        outcome = Outcome(duration_ms=0, reason="internal", answer=_clean(f"{type(error).__name__}"))
    crash_point("delivery.sent")
    record(delivery, outcome, started_at=started_at)
    return delivery


def send(delivery: WebhookDelivery, *, started_at: datetime) -> Outcome:
    """Make the call. Every failure comes back as an Outcome with its reason."""
    body = bytes(delivery.body)
    timestamp = int(started_at.timestamp())
    headers = {"Content-Type": "application/json"} | sign(
        message_id=delivery.message_id, timestamp=timestamp, body=body, secrets=[delivery.account.webhook_secret]
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


@repeat_on_conflict
def record(delivery: WebhookDelivery, outcome: Outcome, *, started_at: datetime) -> bool:
    """Write the attempt and what comes next; False if the lease was lost and somebody else decides."""
    now = clock.now()
    succeeded = outcome.is_success(delivery.kind)
    with transaction.atomic():
        # Turn before delivery, as in claiming, so that no two workers wait for each other.
        turn = Turn.objects.select_for_update().filter(queue=QUEUE, key=delivery.receiver).first()
        held = WebhookDelivery.objects.filter(pk=delivery.pk, state=State.SENDING, token=delivery.token)
        won = held.update(
            **_next_state(delivery, outcome, succeeded=succeeded, now=now),
            token=None,
            woken_at=None,
            attempts_made=F("attempts_made") + 1,
            last_status=outcome.status,
            last_reason="" if succeeded else outcome.reason or "http_error",
        )
        if not won:
            log.warning("delivery_overtaken", delivery=delivery.message_id)
            return False
        delivery.refresh_from_db()
        WebhookAttempt.objects.create(
            delivery=delivery,
            number=delivery.attempts_made,
            started_at=started_at,
            duration_ms=outcome.duration_ms,
            address=outcome.address[:64],
            status=outcome.status,
            reason=delivery.last_reason,
            answer=outcome.answer[:1024],
            location=outcome.location,
        )
        if turn is not None:
            _remember(turn, succeeded=succeeded, now=now)
    return True


def _next_state(delivery: WebhookDelivery, outcome: Outcome, *, succeeded: bool, now: datetime) -> dict[str, object]:
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


def _remember(turn: Turn, *, succeeded: bool, now: datetime) -> None:
    """Count the receiver's failures in a row (REL W14)."""
    turn.failures = 0 if succeeded else turn.failures + 1
    pause = pause_after(turn.failures)
    turn.paused_until = now + pause if pause else None
    turn.save(update_fields=["failures", "paused_until"])


def _as_text(body: bytes) -> str:
    return _clean(body[:LOGGED_ANSWER_BYTES].decode("utf-8", errors="replace"))


def _clean(text: str) -> str:
    """Without NUL and other controls, which PostgreSQL or a page would choke on."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
