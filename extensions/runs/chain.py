"""Walk a chain of providers: who may be asked, in what order, and what their failures mean for the run.

`extensions.runs.asking` calls `ask_chain`. While all is well a call costs one SELECT, since the claim has recorded the
provider on the run; `extensions.providers.state` is asked only about providers that have failed lately or have limits.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Q

from extensions.catalog import CATALOG
from extensions.models import ExtensionRun, ProviderState
from extensions.providers import state
from extensions.providers.base import (
    Output,
    PermanentProviderError,
    Provider,
    ProviderError,
    ProviderUnavailable,
    RunInput,
    TransientProviderError,
)
from extensions.providers.registry import availability_of, get_provider
from extensions.providers.state import Refusal, Ticket
from extensions.runs.claim import lease
from mediahub.lib import clock
from mediahub.lib.retry import repeat_on_conflict

if TYPE_CHECKING:
    from django.db.models import QuerySet

NOT_CONFIGURED = "provider_not_configured"


class ChainBusy(ProviderError):
    """Nobody was called, because all who could serve are open or at their limits. `ask_at`: when one may be asked."""

    def __init__(self, code: str, message: str, ask_at: datetime) -> None:
        super().__init__(code, message)
        self.ask_at = ask_at


class LeaseLost(Exception):
    """The run was cancelled, or taken over by another worker: nobody is to be called for it here."""


def ask_chain(run: ExtensionRun, prepare: Callable[[Provider], RunInput]) -> tuple[Output, str]:
    """The output of the first provider of the run's chain that serves it, and its slug.

    prepare: makes a provider's input; what it raises is no fault of the provider. Raises PermanentProviderError (the
    run has failed), TransientProviderError (it was tried and may be tried again), ProviderUnavailable (nobody can
    serve it, waiting does not help), ChainBusy and LeaseLost.
    """
    refusals: list[Refusal] = []
    is_called = False
    for slug in CATALOG[run.extension].chain:
        ticket = _leave_to_call(run, slug)
        if isinstance(ticket, Refusal):
            refusals.append(ticket)
            continue
        try:
            return _call(run, ticket, prepare), slug
        except ProviderUnavailable as error:
            state.note_unavailable(slug, code=error.code, message=error.message)
            refusals.append(Refusal(error.code, error.message))
        except TransientProviderError as error:
            ask_at = _note_failure(ticket, error)
            if ask_at is None and run.attempts < settings.MEDIAHUB_RUN_ATTEMPTS:
                raise
            # Its attempts or its breaker are spent: the next in the chain may do better.
            is_called = True
            refusals.append(Refusal(error.code, error.message, ask_at))
    raise _nobody(run, refusals, is_called=is_called)


def _leave_to_call(run: ExtensionRun, slug: str) -> Ticket | Refusal:
    """Record the provider on the run and return a ticket, or say why it is not asked. Raises LeaseLost."""
    availability = availability_of(slug)
    if not availability.available:
        return Refusal(NOT_CONFIGURED, availability.reason)
    if not state.has_limits(slug) and _may_go(run, slug):
        return Ticket(slug)
    return _look_closer(run, slug)


def _may_go(run: ExtensionRun, slug: str) -> bool:
    """Whether the lease is held and the provider has no trouble; records the provider unless the claim has."""
    free_of_trouble = ~Q(Exists(_troubled(slug)))
    if run.provider == slug:
        return ExtensionRun.objects.held_by(token=run.token).filter(free_of_trouble, pk=run.pk).exists()
    return _record(run, slug, free_of_trouble)


@repeat_on_conflict
@transaction.atomic
def _look_closer(run: ExtensionRun, slug: str) -> Ticket | Refusal:
    now = clock.now()
    others = ExtensionRun.objects.in_flight(slug, now).exclude(pk=run.pk)
    ticket = state.admit(slug, probe_s=lease(run.queue).total_seconds(), now=now, in_flight=others.count)
    if isinstance(ticket, Ticket) and not _record(run, slug):
        # Rolled back with this transaction: the ticket was never given.
        raise LeaseLost
    return ticket


def _record(run: ExtensionRun, slug: str, *conditions: Q) -> bool:
    held = ExtensionRun.objects.held_by(token=run.token).filter(*conditions, pk=run.pk)
    is_held = bool(held.update(provider=slug))
    if is_held:
        run.provider = slug
    return is_held


def _troubled(slug: str) -> "QuerySet[ProviderState]":
    return ProviderState.objects.filter(~Q(breaker=ProviderState.Breaker.CLOSED) | Q(failures__gt=0), slug=slug)


def _call(run: ExtensionRun, ticket: Ticket, prepare: Callable[[Provider], RunInput]) -> Output:
    """Call the provider and report what that says of it. A refusal of this one image is an answer, too."""
    provider, is_reported = get_provider(ticket.slug), False
    try:
        run_input = prepare(provider)
        try:
            output = provider.run(run_input)
        except (TransientProviderError, ProviderUnavailable):
            is_reported = True  # by the caller
            raise
        except SoftTimeLimitExceeded:
            is_reported = True
            _note_failure(ticket, TransientProviderError("provider_timeout", "It did not answer in time."))
            raise
        except PermanentProviderError:
            is_reported = True
            state.note_answer(ticket)
            raise
        is_reported = True
        state.note_answer(ticket)
        return output
    finally:
        if not is_reported:
            state.give_back(ticket)


def _note_failure(ticket: Ticket, error: TransientProviderError) -> datetime | None:
    return state.note_failure(ticket.slug, code=error.code, message=error.message, retry_after_s=error.retry_after_s)


def _nobody(run: ExtensionRun, refusals: list[Refusal], *, is_called: bool) -> ProviderError:
    """What the refusals of a whole chain mean for the run, with every provider's sentence."""
    if not refusals:
        return ProviderUnavailable(NOT_CONFIGURED, f"No provider is configured for {run.extension}.")
    sentences = "; ".join(refusal.message.rstrip(".") for refusal in refusals)
    message = f"No provider could serve {run.extension}: {sentences}."
    waits = [refusal.ask_at for refusal in refusals if refusal.ask_at is not None]
    # A provider that was never set up explains less than one that was and refuses.
    telling = [refusal.code for refusal in refusals if refusal.code != NOT_CONFIGURED] or [NOT_CONFIGURED]
    if is_called:
        wait_s = max(0.0, (min(waits) - clock.now()).total_seconds()) if waits else None
        own = refusals[0].message if len(refusals) == 1 else message
        return TransientProviderError(telling[-1], own, wait_s)
    if waits:
        return ChainBusy(telling[-1], message, min(waits))
    return ProviderUnavailable(telling[-1], message)
