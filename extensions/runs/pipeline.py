"""One run, from claim to end: claim -> call -> keep -> settle (architecture 5). Celery tasks call `work`.

Nothing slow happens inside a transaction, every write is conditional on the lease, and the only place that applies a
result, moves units and writes webhooks is `settle` (REL J8).
"""

import random
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import DatabaseError, DataError, connection, transaction
from django.db.models import F

from extensions.models import ExtensionRun
from extensions.providers.base import PermanentProviderError, ProviderUnavailable, TransientProviderError
from extensions.runs import keeping, results
from extensions.runs.asking import Answer, ask
from extensions.runs.backoff import run_backoff, spread_s
from extensions.runs.chain import ChainBusy, LeaseLost
from extensions.runs.claim import claim
from extensions.runs.tasking import NoTaskApplied
from extensions.units import services as units
from extensions.webhooks.publish import publish_extension_webhook
from library.models import Asset
from library.storage import StorageFull, StorageUnavailable
from mediahub.lib import clock
from mediahub.lib.crash import crash_point
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import clean_text
from mediahub.lib.retry import repeat_on_conflict

log = structlog.get_logger(__name__)

State = ExtensionRun.State


def work(queue: str) -> ExtensionRun | None:
    """Do one due run of a queue; None if nothing is due. Of a run's own faults only MemoryError is raised."""
    run = claim(queue, now=clock.now())
    if run is None:
        return None
    crash_point("run.claimed")
    with structlog.contextvars.bound_contextvars(run=str(run.pk), extension=run.extension):
        execute(run)
    return run


def execute(run: ExtensionRun) -> None:
    """Do a claimed run and settle it, or put it back for later. Raises MemoryError: the process should end."""
    try:
        answer = _answer(run)
    except PermanentProviderError as error:
        settle_failure(run, code=error.code, message=error.message)
    except ProviderUnavailable as error:
        settle_failure(run, code=error.code, message=error.message)
    except ChainBusy as busy:
        put_off(run, busy)
    except LeaseLost:
        log.info("run_left_alone")
    except TransientProviderError as error:
        try_later(run, code=error.code, message=error.message, retry_after_s=error.retry_after_s)
    except SoftTimeLimitExceeded:
        try_later(run, code="provider_timeout", message="The provider did not answer in time.")
    except (StorageFull, StorageUnavailable) as error:
        try_later(run, code=error.code, message=error.message)
    except MemoryError:
        try_later(run, code="out_of_memory", message="The worker ran out of memory.")
        raise
    except DatabaseError:
        raise  # the lease runs out and the run is claimed again
    except Exception as error:
        log.exception("run_failed_unexpectedly")
        try_later(run, code="internal_error", message=f"Unexpected fault: {type(error).__name__}.")
    else:
        if answer is not None:
            _settle_or_refuse(run, answer)


def _settle_or_refuse(run: ExtensionRun, answer: Answer) -> None:
    """Settle; an answer that the database cannot hold is the provider's fault, and asking again would not help."""
    try:
        settle_success(run, answer)
    except (DataError, ValueError) as error:
        log.exception("answer_cannot_be_stored")
        settle_failure(run, code=results.BAD, message=f"The answer cannot be stored: {type(error).__name__}.")


def _answer(run: ExtensionRun) -> Answer | None:
    """The answer of this or of an earlier attempt, kept. None: the lease was lost meanwhile."""
    if run.attempts > settings.MEDIAHUB_RUN_ATTEMPTS:
        raise PermanentProviderError("worker_lost", "The worker died each time it worked on this run.")
    earlier = keeping.kept(run)
    if earlier is not None:
        return earlier
    answer = ask(run)
    crash_point("run.answered")
    if not keeping.keep(run, answer):
        return None
    crash_point("run.kept")
    return answer


@repeat_on_conflict
def settle_success(run: ExtensionRun, answer: Answer) -> bool:
    """Apply the answer and end the run in one transaction; False if the lease was lost and nothing was written."""
    blob = keeping.stored_blob(run, answer.output)
    with transaction.atomic():
        now = clock.now()
        asset = _locked_asset(run)
        if not _end(run, State.SUCCEEDED, now, provider=answer.provider, model=answer.output.model):
            return False
        try:
            with transaction.atomic():
                if asset is None:
                    raise DomainError("The asset was deleted while the extension ran.", code="asset_deleted")
                columns = results.apply(
                    run=run, asset=asset, output=answer.output, blob=blob, provider=answer.provider, now=now
                )
                _note(run, **({"facts": dict(answer.output.facts)} | columns))
        except DomainError as error:
            if isinstance(error, NoTaskApplied):
                _note(run, facts={**answer.output.facts, "tasks": error.outcomes})
            _note(run, state=State.FAILED, error_code=error.code, error_message=error.message)
        _conclude(run, now)
    return True


@repeat_on_conflict
def settle_failure(run: ExtensionRun, *, code: str, message: str) -> bool:
    """End the run without a result in one transaction; False if the lease was lost and nothing was written."""
    code, message = clean_text(code, 60), clean_text(message, 2000)
    with transaction.atomic():
        now = clock.now()
        if run.asset_id is not None and _locked_asset(run) is None:
            code, message = "asset_deleted", "The asset was deleted while the extension ran."
        if not _end(run, State.FAILED, now, error_code=code, error_message=message):
            return False
        _conclude(run, now)
    return True


@repeat_on_conflict
def try_later(run: ExtensionRun, *, code: str, message: str, retry_after_s: float | None = None) -> None:
    """Put the run back with a wait, or end it when its attempts or its age are spent (REL J11)."""
    now = clock.now()
    wait_s = run_backoff(
        attempts=run.attempts,
        base_s=settings.MEDIAHUB_RUN_BACKOFF_BASE_S,
        cap_s=settings.MEDIAHUB_RUN_BACKOFF_CAP_S,
        retry_after_s=retry_after_s,
        rng=random.Random(),  # noqa: S311 - spreads load, guards nothing
    )
    # A supplier may ask for any wait; beyond the run's greatest age it comes to the same.
    due_at = now + timedelta(seconds=min(wait_s, settings.MEDIAHUB_RUN_MAX_AGE_S + 1))
    too_old = due_at > run.created_at + timedelta(seconds=settings.MEDIAHUB_RUN_MAX_AGE_S)
    if run.attempts >= settings.MEDIAHUB_RUN_ATTEMPTS or too_old:
        settle_failure(run, code=code, message=message)
        return
    held = ExtensionRun.objects.held_by(token=run.token).filter(pk=run.pk)
    last_error = clean_text(f"{code}: {message}", 2000)
    held.update(state=State.QUEUED, token=None, provider="", due_at=due_at, woken_at=None, last_error=last_error)
    log.info("run_will_be_tried_again", code=code, wait_s=round(wait_s, 1), attempts=run.attempts)


@repeat_on_conflict
def put_off(run: ExtensionRun, busy: ChainBusy) -> None:
    """Put the run back until a provider may be asked. Nobody was called, so it costs no attempt; its age counts."""
    now = clock.now()
    wait_s = spread_s(age_s=(now - run.created_at).total_seconds(), rng=random.Random())  # noqa: S311 - spreads load
    due_at = max(busy.ask_at, now) + timedelta(seconds=wait_s)
    if due_at > run.created_at + timedelta(seconds=settings.MEDIAHUB_RUN_MAX_AGE_S):
        settle_failure(run, code=busy.code, message=busy.message)
        return
    held = ExtensionRun.objects.held_by(token=run.token).filter(pk=run.pk)
    held.update(
        state=State.QUEUED,
        token=None,
        provider="",
        attempts=F("attempts") - 1,
        due_at=due_at,
        woken_at=None,
        last_error=clean_text(f"{busy.code}: {busy.message}", 2000),
    )
    log.info("run_put_off", code=busy.code, wait_s=round((due_at - now).total_seconds(), 1))


def _locked_asset(run: ExtensionRun) -> Asset | None:
    """The run's asset under lock: assets are locked before runs everywhere, so that no two wait for each other."""
    if run.asset_id is None:
        return None
    assets = Asset.objects.filter(pk=run.asset_id)
    # SQLite has one writer at a time, and this transaction is it.
    if connection.features.has_select_for_update and not assets.select_for_update(no_key=True).first():
        return None
    # A second look: rows joined to the first would be those from before the wait for the lock.
    return assets.select_related("account", "folder", "current_version").first()


def _end(run: ExtensionRun, state: State, now: datetime, **columns: Any) -> bool:
    """The conditional UPDATE that every settlement begins with (REL J7)."""
    held = ExtensionRun.objects.held_by(token=run.token).filter(pk=run.pk)
    columns |= {"state": state, "finished_at": now}
    has_ended = bool(held.update(token=None, **columns))
    # Not the token: a repeat of this transaction needs it.
    _remember(run, columns)
    return has_ended


def _note(run: ExtensionRun, **columns: Any) -> None:
    ExtensionRun.objects.filter(pk=run.pk).update(**columns)
    _remember(run, columns)


def _remember(run: ExtensionRun, columns: dict[str, Any]) -> None:
    """What was written, on the instance too: reading a whole run again costs more than anything else here."""
    for name, value in columns.items():
        setattr(run, name, value)


def _conclude(run: ExtensionRun, now: datetime) -> None:
    """Units and webhook of a run that has just ended, in the same transaction."""
    if run.webhook_url and run.answer_by is not None:
        run.refresh_from_db(fields=["announce"])  # the waiting request may have changed it
    units.close(run=run, succeeded=run.state == State.SUCCEEDED, now=now)
    transaction.on_commit(lambda: crash_point("run.settled"))
    # While a request waits, the announcement waits too: the request withdraws it with its answer, or has died.
    is_waited_for = not run.announce and run.answer_by is not None and run.answer_by > now
    publish_extension_webhook(run=run, now=now, due_at=run.answer_by if is_waited_for else None)
    crash_point("run.settling")
