"""The circuit breaker and the limits of each provider, kept in rows that all processes share.

Runs ask `admit` before a call that needs a closer look and report what came of it by `note_...`; admin, commands and
the API of runs read. The happy path never comes here: see `extensions.runs.chain`. The design is in
docs/decisions, "Providers share a breaker row".
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from extensions.models import ProviderNotice, ProviderState
from extensions.providers.limits import next_call, opening_s
from mediahub.lib import clock
from mediahub.lib.json_input import clean_text
from mediahub.lib.mail import send_notice
from mediahub.lib.retry import repeat_on_conflict

log = structlog.get_logger(__name__)

Breaker = ProviderState.Breaker
Cause = ProviderState.Cause
Kind = ProviderNotice.Kind

NOTICES_KEPT = 200
ALERT_AGAIN_S = 3600
"""A provider that comes and goes is told of by e-mail once an hour; each time is a notice and a log line."""
LOOK_AGAIN_S = 1.0
"""When to look again where nobody knows when a place becomes free."""


@dataclass(frozen=True)
class Ticket:
    """Leave to call a provider. is_troubled: its success must be reported. is_probe: the breaker waits for its end."""

    slug: str
    is_troubled: bool = False
    is_probe: bool = False


@dataclass(frozen=True)
class Refusal:
    """Why a provider is not asked, or has not served. ask_at: when it may be asked; None: waiting makes no sense."""

    code: str
    message: str
    ask_at: datetime | None = None


def has_limits(slug: str) -> bool:
    """Whether the operator has set a limit for this provider."""
    return slug in settings.MEDIAHUB_PROVIDER_CONCURRENCY or slug in settings.MEDIAHUB_PROVIDER_RATE_PER_MIN


def admit(slug: str, *, probe_s: float, now: datetime, in_flight: Callable[[], int]) -> Ticket | Refusal:
    """Leave to call the provider now, or why not. Inside the caller's transaction, which records the call.

    The row's lock makes decisions on one provider follow each other, so `in_flight`, which counts the calls that are
    recorded, is exact. probe_s: after how long a probe that was never heard of again counts as dead.
    """
    row = _locked(slug)
    refusal = _breaker_refuses(row, now) or _limits_refuse(row, now, in_flight)
    if refusal is not None:
        return refusal
    is_probe = row.breaker != Breaker.CLOSED
    if is_probe:
        row.breaker, row.until = Breaker.HALF_OPEN, now + timedelta(seconds=probe_s)
        log.info("provider_probed", provider=slug, code=row.code)
    row.save()
    return Ticket(slug, is_troubled=is_probe or row.failures > 0, is_probe=is_probe)


@repeat_on_conflict
def note_answer(ticket: Ticket) -> None:
    """The provider has answered. Only a probe closes an open breaker: other calls may have begun before it opened."""
    if not ticket.is_troubled:
        return
    with transaction.atomic():
        row = _locked(ticket.slug)
        if row.breaker == Breaker.CLOSED:
            row.failures = 0
            row.save(update_fields=["failures"])
        elif ticket.is_probe:
            _close(row, Kind.CLOSED, "It has answered a run.", clock.now())


@repeat_on_conflict
def note_failure(slug: str, *, code: str, message: str, retry_after_s: float | None) -> datetime | None:
    """The provider failed in a way that may pass. Returns until when it is not asked; None: its breaker is closed.

    It opens when the failures in a row have reached their limit, when a probe fails, and when the supplier itself
    names a wait, for that long at least.
    """
    with transaction.atomic():
        now, row = clock.now(), _locked(slug)
        row.failures += 1
        row.code, row.reason, row.failed_at = clean_text(code, 60), clean_text(message, 1000), now
        asked_s = min(retry_after_s or 0.0, float(settings.MEDIAHUB_RUN_MAX_AGE_S))
        is_spent = row.failures >= settings.MEDIAHUB_BREAKER_FAILURES
        if row.breaker == Breaker.OPEN:
            # A call that began before it opened says nothing new, except for how long to wait.
            row.until = max(row.until or now, now + timedelta(seconds=asked_s))
        elif is_spent or asked_s or row.breaker == Breaker.HALF_OPEN:
            _open(row, now, asked_s=asked_s, is_spent=is_spent)
        row.save()
        return row.until


@repeat_on_conflict
def note_unavailable(slug: str, *, code: str, message: str) -> None:
    """The supplier refuses everybody, whatever the image: bad key, no credits. Operators are told."""
    with transaction.atomic():
        now, row = clock.now(), _locked(slug)
        is_news = not row.is_unavailable
        row.code, row.reason, row.failed_at = clean_text(code, 60), clean_text(message, 1000), now
        row.breaker, row.cause = Breaker.OPEN, Cause.UNAVAILABLE
        row.until = now + timedelta(seconds=settings.MEDIAHUB_PROVIDER_UNAVAILABLE_S)
        if is_news:
            _tell(row, Kind.UNAVAILABLE, now)
        row.save()


def give_back(ticket: Ticket) -> None:
    """A probe came to nothing for reasons of ours: the next run is the probe."""
    if ticket.is_probe:
        waiting = ProviderState.objects.filter(slug=ticket.slug, breaker=Breaker.HALF_OPEN)
        waiting.update(until=clock.now())


@transaction.atomic
def reset(slug: str, *, actor: str) -> bool:
    """Close a provider's breaker by hand and forget its failures; False if there was nothing to forget."""
    row = ProviderState.objects.select_for_update().filter(slug=slug).first()
    if row is None or (row.breaker == Breaker.CLOSED and not row.failures):
        return False
    row.alerted_at = None
    _close(row, Kind.RESET, f"Reset by {actor}.", clock.now())
    return True


def known_states() -> dict[str, ProviderState]:
    """The rows by slug; a provider without a row has never failed."""
    return {row.slug: row for row in ProviderState.objects.all()}


def _locked(slug: str) -> ProviderState:
    rows = ProviderState.objects.select_for_update()
    row = rows.filter(slug=slug).first()
    if row is None:
        ProviderState.objects.bulk_create([ProviderState(slug=slug)], ignore_conflicts=True)
        row = rows.get(slug=slug)
    return row


def _breaker_refuses(row: ProviderState, now: datetime) -> Refusal | None:
    if row.breaker == Breaker.CLOSED or (row.until is not None and row.until <= now):
        return None
    if row.is_unavailable:
        return Refusal(row.code, row.reason)
    # While a probe is on its way its end is near, and its lease is much longer than it will take.
    ask_at = row.until if row.breaker == Breaker.OPEN else now + timedelta(seconds=LOOK_AGAIN_S)
    return Refusal(row.code, f"{row.slug} is not asked at present: {row.reason}", ask_at)


def _limits_refuse(row: ProviderState, now: datetime, in_flight: Callable[[], int]) -> Refusal | None:
    """Whether a limit is reached; if not, the call is counted in `next_call_at`."""
    at_once: int | None = settings.MEDIAHUB_PROVIDER_CONCURRENCY.get(row.slug)
    if at_once is not None and in_flight() >= at_once:
        wait = timedelta(seconds=LOOK_AGAIN_S)
        return Refusal("provider_limit_reached", f"{row.slug} works on {at_once} runs already.", now + wait)
    per_minute: int | None = settings.MEDIAHUB_PROVIDER_RATE_PER_MIN.get(row.slug)
    if per_minute is None:
        return None
    ask_at, next_call_at = next_call(next_at=row.next_call_at, now=now, per_minute=per_minute)
    if next_call_at is None:
        return Refusal("provider_limit_reached", f"{row.slug} gets {per_minute} runs a minute.", ask_at)
    row.next_call_at = next_call_at
    return None


def _open(row: ProviderState, now: datetime, *, asked_s: float, is_spent: bool) -> None:
    """Open for the longer of our wait, which doubles, and the supplier's. Not saved.

    A single request to wait is business as usual; failures in a row, or a probe that fails, are news for operators.
    """
    is_pause = bool(asked_s) and not is_spent
    is_news = not is_pause and row.cause != Cause.FAILURES
    ours_s = 0.0
    if not is_pause:
        base_s, cap_s = settings.MEDIAHUB_BREAKER_OPEN_S, settings.MEDIAHUB_BREAKER_CAP_S
        ours_s = opening_s(openings=row.openings, base_s=base_s, cap_s=cap_s)
        row.openings += 1
    row.breaker, row.until = Breaker.OPEN, now + timedelta(seconds=max(ours_s, asked_s))
    row.cause = Cause.ASKED_TO_WAIT if is_pause else Cause.FAILURES
    if is_news:
        _tell(row, Kind.OPENED, now)
    else:
        log.info("provider_paused", provider=row.slug, code=row.code, wait_s=round(max(ours_s, asked_s), 1))


def _close(row: ProviderState, kind: Kind, message: str, now: datetime) -> None:
    """Close and save. A pause that the supplier asked for ends without a notice, as it began."""
    was_told = row.cause != Cause.ASKED_TO_WAIT or kind == Kind.RESET
    row.breaker, row.cause, row.until = Breaker.CLOSED, Cause.NONE, None
    row.failures = row.openings = 0
    row.save()
    log.info("provider_closed", provider=row.slug, kind=kind.value)
    if was_told:
        _write_notice(row.slug, kind, "", message, now)


def _tell(row: ProviderState, kind: Kind, now: datetime) -> None:
    """Log, notice and e-mail: an operator has to look. The caller saves the row."""
    log.error("provider_needs_attention", provider=row.slug, kind=kind.value, code=row.code, reason=row.reason)
    _write_notice(row.slug, kind, row.code, row.reason, now)
    was_lately = row.alerted_at is not None and now - row.alerted_at < timedelta(seconds=ALERT_AGAIN_S)
    if kind == Kind.OPENED and was_lately:
        return
    row.alerted_at = now
    send_notice(
        f"MediaHub: {row.slug} {kind.label}",
        f"The provider {row.slug} {kind.label} ({row.code}).\n\n{row.reason}\n\nIt is tried again after "
        f"{row.until:%Y-%m-%d %H:%M:%S} UTC. Until then the other providers of its chains do the work, if there are "
        f"any.\n{settings.MEDIAHUB_PUBLIC_URL}/admin/providers/ shows its state and can reset it.\n",
        settings.MEDIAHUB_OPERATOR_EMAILS,
    )


def _write_notice(slug: str, kind: Kind, code: str, message: str, now: datetime) -> None:
    notices = ProviderNotice.objects.filter(slug=slug)
    ProviderNotice.objects.create(slug=slug, kind=kind, code=code, message=message, created_at=now)
    oldest = notices.values_list("pk", flat=True)[NOTICES_KEPT : NOTICES_KEPT + 1].first()
    if oldest is not None:
        notices.filter(pk__lte=oldest).delete()
