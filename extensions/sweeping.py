"""The sweep: look for what is due and publish wake-ups, free what the dead held, tidy up (REL J12, J16).

`manage.py sweep` runs it, in any number of copies. Each part stands alone: one that fails is logged with its
traceback, the others run, and it is tried again at its next turn. With the database away the sweep waits and goes on.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import close_old_connections, connections
from django.utils.module_loading import import_string

from extensions.models import ExtensionRun
from extensions.runs import heartbeats
from library import tasks as library_tasks
from mediahub.lib import clock, spool

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Part:
    """A piece of the sweep: where its function is and how many seconds lie between two calls (0: every pass)."""

    name: str
    path: str
    every_s: float = 0.0


PARTS = (
    Part("runs", "extensions.runs.tasks.sweep_due_runs"),
    Part("deliveries", "extensions.webhooks.tasks.sweep_due_deliveries"),
    Part("renditions", "library.tasks.sweep_renditions"),
    Part("jobs", "library.tasks.sweep_jobs"),
    Part("backfills", "extensions.backfills.working.sweep_backfills"),
    Part("heartbeats", "extensions.sweeping.prune_heartbeats", 60),
)
"""What keeps work going; quick, and never held up by the tidying below."""

TIDYING = (
    Part("alerts", "extensions.units.alerts.mail_due_alerts", 15),
    Part("spool", "extensions.sweeping.clean_spool", 600),
    Part("receipts", "library.tasks.sweep_receipts", 600),
    Part("tokens", "library.tasks.sweep_tokens", 600),
    Part("old_deliveries", "extensions.webhooks.retention.sweep_old_deliveries", 600),
    Part("ended_jobs", "library.tasks.sweep_ended_jobs", 3600),
    Part("blobs", "extensions.sweeping.sweep_blobs", 3600),
)
"""What walks through stores and old rows and may take minutes; in a thread of its own."""


def prune_heartbeats() -> int:
    """Forget workers that have long been gone."""
    return heartbeats.prune(clock.now())


def clean_spool() -> int:
    """Remove pieces of uploads whose process died."""
    return spool.sweep_spool()


def sweep_blobs() -> int:
    """Remove blobs that no version, rendition or open run points at."""
    return library_tasks.sweep_blobs(kept_answer_keys)


def kept_answer_keys(keys: list[str]) -> set[str]:
    """Those of the keys under which an open run has kept its provider's answer."""
    kept = ExtensionRun.objects.open().filter(answer_blob_key__in=keys)
    return set(kept.values_list("answer_blob_key", flat=True))


class Sweeper:
    """Runs the parts when they are due. `results` of a pass: part to what it returned, or to its error's text."""

    def __init__(self, parts: Iterable[Part] = (*PARTS, *TIDYING)) -> None:
        self._parts = tuple(parts)
        self._next: dict[str, float] = {}

    def sweep_once(self) -> dict[str, Any]:
        """One pass over the parts that are due; never raises."""
        results: dict[str, Any] = {}
        for part in self._parts:
            if time.monotonic() < self._next.get(part.name, 0.0):
                continue
            self._next[part.name] = time.monotonic() + part.every_s
            results[part.name] = _run(part)
        return results

    def failed(self, results: dict[str, Any]) -> bool:
        """Whether a part of this pass failed."""
        return any(isinstance(result, dict) and "error" in result for result in results.values())

    def sweep_until(self, stopping: Callable[[float], bool]) -> None:
        """Pass after pass. `stopping(seconds)` waits so long and says whether to end."""
        while True:
            self.sweep_once()
            if stopping(settings.MEDIAHUB_SWEEP_INTERVAL_S):
                return


def sweep_for_ever(stopping: Callable[[float], bool]) -> None:
    """Keep work going in this thread and tidy up in another, until `stopping(seconds)` says to end."""

    def tidy() -> None:
        try:
            Sweeper(TIDYING).sweep_until(stopping)
        finally:
            connections.close_all()

    threading.Thread(target=tidy, name="tidying", daemon=True).start()
    Sweeper(PARTS).sweep_until(stopping)


def _run(part: Part) -> Any:
    try:
        function: Callable[[], Any] = import_string(part.path)
        return function()
    except Exception as error:
        log.exception("sweep_part_failed", part=part.name)
        close_old_connections()  # one that broke is not used again
        return {"error": repr(error)}
