"""Leases on rows that are worked on in steps: claim, hold, put back, end; each one conditional UPDATE (J4, J7, J16).

Bulk jobs of the library and backfills of the extensions use this, each with rules of its own. Rows have `account`,
`state`, `token`, `attempts`, `due_at` (next claim, or end of the lease), `served_at`, `woken_at`, `finished_at`,
`error_code`, `error_message` and the three columns of `processes.me()`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F, OuterRef, QuerySet, Subquery

from mediahub.lib import processes
from mediahub.lib.waking import wake_due, wake_new

LEASE = timedelta(seconds=120)
"""Longer than a step may take: what one step does is bounded, and stores have time-outs."""
MAX_ATTEMPTS = 5
"""Claims in a row without any progress; each step that counts starts the count again."""
RUNNING, FAILED = "running", "failed"
_LOOKED_AT = 5

Rows = QuerySet[Any]


@dataclass(frozen=True)
class Leases:
    """The rules of one kind of row. open_rows: those that are worked on, written as the partial index has it, so that
    it serves. put_back_to: the state of a row that has work left and no worker. lost: said when workers died of it."""

    queue: str
    open_rows: Callable[[], Rows]
    put_back_to: str
    lost: str

    def wake_for(self, row: Any, *, now: datetime) -> None:
        """Wake a worker for a row that is about to be saved, after commit."""
        wake_new(self.queue, [row], self.open_rows(), now=now)

    def wake_due(self, *, now: datetime) -> int:
        """Publish wake-ups for what is due, for the sweep (REL J12). Returns how many."""
        return wake_due(self.queue, self.due(now).order_by("due_at", "pk"), self.open_rows(), now=now)

    def claim(self, rows: Rows, *, now: datetime) -> tuple[Any, UUID] | None:
        """Take the due row, of these, of the account served longest ago; its primary key and the token, or None.

        A row whose workers died MAX_ATTEMPTS times at the same place is ended instead, so it cannot go round for ever.
        """
        everything = self._rows()
        served = everything.filter(account=OuterRef("account"), served_at__isnull=False).order_by("-served_at")
        in_turn = rows.annotate(account_served_at=Subquery(served.values("served_at")[:1]))
        for row in in_turn.order_by(F("account_served_at").asc(nulls_first=True), "due_at", "pk")[:_LOOKED_AT]:
            mine = everything.filter(pk=row.pk, state=row.state, token=row.token, due_at=row.due_at)
            if row.attempts >= MAX_ATTEMPTS:
                mine.update(
                    state=FAILED, token=None, finished_at=now, error_code="worker_lost", error_message=self.lost
                )
                continue
            token = uuid4()
            node, process_id, started = processes.me()
            won = mine.update(
                state=RUNNING,
                token=token,
                attempts=F("attempts") + 1,
                due_at=now + LEASE,
                served_at=now,
                woken_at=None,
                node=node,
                process_id=process_id,
                process_started=started,
            )
            if won == 1:
                return row.pk, token
        return None

    def hold(self, key: Any, token: UUID, *, now: datetime) -> bool:
        """Make a lease longer and lock the row, as the first act of a step's transaction; False: we were overtaken."""
        return self.held(key, token).update(due_at=now + LEASE) == 1

    def put_back(
        self,
        key: Any,
        token: UUID,
        *,
        now: datetime,
        wait: timedelta = timedelta(),
        error: str | None = "",
        counts: bool = False,
    ) -> bool:
        """Let any worker go on with the row, at once or after a wait. error: None leaves what is there. counts: whether
        this was a failed attempt."""
        values: dict[str, Any] = {"state": self.put_back_to, "token": None, "due_at": now + wait, "woken_at": None}
        if error is not None:
            values["error_message"] = error
        if not counts:
            values["attempts"] = 0
        return self.held(key, token).update(**values) == 1

    def end(self, key: Any, token: UUID, *, state: str, now: datetime, **values: Any) -> bool:
        """End the row in a terminal state; False: we were overtaken."""
        return self.held(key, token).update(state=state, token=None, finished_at=now, **values) == 1

    def free_dead(self, *, now: datetime) -> int:
        """Let rows of this node be claimed at once whose process no longer exists; return how many (REL J16)."""
        running = self.open_rows().filter(state=RUNNING, token__isnull=False, due_at__gt=now)
        return sum(self.held(row.pk, row.token).update(due_at=now, woken_at=None) for row in processes.lost(running))

    def due(self, now: datetime) -> Rows:
        """Rows that may be claimed: waiting past their time, or running past their lease."""
        return self.open_rows().filter(due_at__lte=now)

    def held(self, key: Any, token: UUID) -> Rows:
        """The row, if the lease is still this token's."""
        return self._rows().filter(pk=key, token=token, state=RUNNING)

    def _rows(self) -> Rows:
        rows: Rows = self.open_rows().model._default_manager.all()
        return rows
