"""What every Celery worker of ours does besides its tasks: beat, bound its children's memory, end in order.

`extensions/workers.py` starts workers through `run_worker` and says what a beat is.
"""

import faulthandler
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from billiard import active_children
from celery import Celery, signals
from celery.worker import state
from django.db import connections
from kombu.asynchronous import get_event_loop, set_event_loop

from mediahub.lib import parents
from mediahub.lib.draining import drain
from mediahub.lib.wakeup import waiting

log = structlog.get_logger(__name__)

MOST_STRIKES = 2
LONGEST_IN_THREADS_S = 120
"""Longer than a task in a threads pool works without a pause."""
_beat_lock = threading.Lock()
# A child forked in the middle of a beat would inherit the database library's locks, closed for ever (REL 13.13).
os.register_at_fork(before=_beat_lock.acquire, after_in_parent=_beat_lock.release, after_in_child=_beat_lock.release)


@dataclass(frozen=True)
class WorkerPlan:
    """How one worker works.

    queues: names it consumes. pool: `prefork` or `threads`. soft_s, hard_s: time limits of a task (prefork only).
    memory_bytes: address space of each pool child; 0 for no limit. grace_s: what work in hand gets at shutdown.
    beat: called every `beat_s` seconds while the worker consumes. stopped: called once when it stops consuming.
    release: called after pool children were killed at the end of the grace; frees what the dead held.
    child_started: called in each pool child after it forked, before its first task.
    """

    queues: tuple[str, ...]
    pool: str
    concurrency: int
    soft_s: float | None
    hard_s: float | None
    memory_bytes: int
    grace_s: float
    beat: Callable[[], None]
    stopped: Callable[[], None]
    release: Callable[[], None]
    child_started: Callable[[], None]
    beat_s: float = 5.0


def run_worker(app: Celery, plan: WorkerPlan) -> None:
    """Work until SIGTERM or SIGINT; then claim nothing more and give what is in hand `grace_s` to finish.

    What is not finished by then is cut off by SIGKILL and its leases are released (REL J17).
    """
    drain(False)
    faulthandler.register(signal.SIGUSR1, file=2)  # shows an operator where work hangs; children inherit it
    connections.close_all()
    worker = make_worker(app, plan)
    _connect(plan, _Pulse(app, plan))
    log.info("worker_starts", queues=plan.queues, pool=plan.pool, concurrency=plan.concurrency)
    worker.start()


def make_worker(app: Celery, plan: WorkerPlan) -> Any:
    """Celery's worker for a plan, not started."""
    os.environ["CELERY_SKIP_CHECKS"] = "1"  # the command has run Django's checks; again they cost 5 MB a process
    # Nobody sends commands to workers: one listener and one connection less in each.
    app.conf.worker_enable_remote_control = False
    name = ",".join(plan.queues)
    return app.Worker(
        hostname=f"{name}-{os.getpid()}@mediahub",
        pool=plan.pool,
        concurrency=plan.concurrency,
        queues=name,
        time_limit=plan.hard_s,
        soft_time_limit=plan.soft_s,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
        loglevel="WARNING",
        redirect_stdouts=False,
    )


def forget_event_loop() -> None:
    """Close the loop that making a worker has set up in this process.

    Workers forked from here would go on with it and share one epoll, so that each takes the others' events.
    """
    loop = get_event_loop()
    if loop is not None:
        loop.close()
        set_event_loop(None)


class _Pulse(threading.Thread):
    """Beats while the consumer is connected. Its connection is closed after each beat: children may fork any time."""

    def __init__(self, app: Celery, plan: WorkerPlan) -> None:
        super().__init__(name="pulse", daemon=True)
        self._app, self._plan = app, plan
        self._connected_to: tuple[int, str] | None = None
        self._strikes = 0
        self._taken, self._idle_beats = -1, 0
        self._ended = threading.Event()
        self.consumer: Any = None

    def run(self) -> None:
        while not self._ended.is_set():
            if self.consumer.connection is not None:
                self._call(self._plan.beat)
                self._watch()
                self._watch_queues()
            self._ended.wait(self._plan.beat_s)
        self._call(self._plan.stopped)

    def end(self) -> None:
        """Stop beating and say so."""
        self._ended.set()

    def _watch(self) -> None:
        """End a worker that did not notice that its broker was replaced, for whoever supervises it to start again.

        kombu's Redis transport can lose a connection while it acknowledges a message, swallow the error and wait for
        ever on nothing. The consumer counts its connections; the server has a new id after each start.
        """
        server = broker_identity(self._app)
        now = (int(self.consumer.restart_count), server or "")
        if server is None or self._connected_to is None or self._connected_to[0] != now[0]:
            self._connected_to = now if server else None
            self._strikes = 0
        elif self._connected_to != now:
            self._strikes += 1
            if self._strikes == MOST_STRIKES:
                self._give_up()

    def _watch_queues(self) -> None:
        """End a worker that takes nothing while messages wait, for whatever reason: the broker may have been replaced
        before this thread first looked. One that works may be silent for as long as its tasks may take."""
        taken = sum(state.total_count.values())
        is_waited_for = any(waiting(queue) for queue in self._plan.queues)
        self._idle_beats = self._idle_beats + 1 if is_waited_for and taken == self._taken else 0
        self._taken = taken
        patience_s = (self._plan.hard_s or LONGEST_IN_THREADS_S) if state.active_requests else 0
        if self._idle_beats == MOST_STRIKES + int(patience_s / self._plan.beat_s) + 1:
            self._give_up()

    def _give_up(self) -> None:
        log.error("worker_is_deaf", queues=self._plan.queues)
        os.kill(os.getpid(), signal.SIGTERM)

    def _call(self, step: Callable[[], None]) -> None:
        with _beat_lock:
            try:
                step()
            except Exception:
                log.warning("beat_failed", exc_info=True)
            finally:
                connections.close_all()


def broker_identity(app: Celery) -> str | None:
    """An id that a Redis or Valkey server gives itself at each start; None for other brokers, or while it is away."""
    if not str(app.conf.broker_url).startswith("redis"):
        return None
    try:
        with app.connection_for_read() as connection:
            channel: Any = connection.default_channel
            return str(channel.client.info("server")["run_id"])
    except Exception as error:  # noqa: BLE001 - whatever the transport raises, the server does not answer now
        log.debug("broker_identity_unknown", error=repr(error))
        return None


def _connect(plan: WorkerPlan, pulse: _Pulse) -> None:
    """Hook into Celery's life cycle. The handlers live as long as the process, hence `weak=False`."""
    parent = os.getpid()

    def child_starts(**_: Any) -> None:
        parents.die_with_parent(parent, signal.SIGKILL)
        parents.name_process(f"mh-{plan.queues[0]}+")
        limit_memory(plan.memory_bytes)
        plan.child_started()

    def ready(sender: Any, **_: Any) -> None:
        pulse.consumer = sender
        if not pulse.is_alive():
            pulse.start()

    def shutting_down(**_: Any) -> None:
        drain()
        pulse.end()
        threading.Thread(target=_cut_off, args=(plan,), name="cut-off", daemon=True).start()

    signals.worker_process_init.connect(child_starts, weak=False)
    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutting_down.connect(shutting_down, weak=False)


def limit_memory(limit_bytes: int) -> None:
    """Bound this process's address space, so that a huge image ends one child and not the machine (REL F44)."""
    if limit_bytes:
        _, hardest = resource.getrlimit(resource.RLIMIT_AS)
        most = limit_bytes if hardest == resource.RLIM_INFINITY else min(limit_bytes, hardest)
        resource.setrlimit(resource.RLIMIT_AS, (most, hardest))


def _cut_off(plan: WorkerPlan) -> None:
    """End this process by force when the grace is over: first its pool, then, with their leases freed, itself."""
    time.sleep(plan.grace_s)
    log.warning("work_cut_off", queues=plan.queues, after_s=plan.grace_s)
    for pid in [child.pid for child in active_children() if child.pid]:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    try:
        plan.release()
    except Exception:
        log.warning("leases_not_released", exc_info=True)
    os.kill(os.getpid(), signal.SIGKILL)
