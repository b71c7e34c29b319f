"""`manage.py up`: the whole of MediaHub on one machine, from one command, until Ctrl-C or SIGTERM."""

import fcntl
import os
import time
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from extensions import embedded
from mediahub.lib import clock
from mediahub.lib.supervisor import Supervisor

START_WITHIN_S = 60.0
STOP_WITHIN_S = 9.5


class Command(BaseCommand):
    help = "Migrate, then run broker, workers, sweep and web, restart what ends, and stop all of it together."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port of site and API (default 8000)")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--data", help="data directory (default: var; read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        url = f"http://127.0.0.1:{port}"
        if not os.environ.get("MEDIAHUB_PUBLIC_URL"):
            os.environ["MEDIAHUB_PUBLIC_URL"] = settings.MEDIAHUB_PUBLIC_URL = url
        with self._lock():
            call_command("migrate", interactive=False, verbosity=0)
            since = clock.now()
            embedded.preload()
            supervisor = Supervisor(
                embedded.children(host=host, port=port), log_dir=settings.MEDIAHUB_DATA_DIR / "logs", note=self._say
            )
            supervisor.listen()
            try:
                self._start(supervisor)
                self._wait_until_ready(supervisor, host, port, since, url)
                while not supervisor.stopping:
                    supervisor.tick(wait_s=1.0)
                self._say("stopping")
            finally:
                supervisor.stop(within_s=STOP_WITHIN_S)
            self._say("stopped")

    def _lock(self) -> IO[str]:
        """Take the data directory for this process; the lock goes with the process, however it ends."""
        path = settings.MEDIAHUB_DATA_DIR / "up.lock"
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise CommandError(
                f"MediaHub already runs on {settings.MEDIAHUB_DATA_DIR} (process {owner}). "
                "Stop it first, or choose another folder with --data."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        return file

    def _start(self, supervisor: Supervisor) -> None:
        self._say(
            f"data {settings.MEDIAHUB_DATA_DIR}, database {connections['default'].vendor}, "
            f"broker {embedded.broker_in_words()}"
        )
        for child in supervisor.children:
            supervisor.start(child)

    def _wait_until_ready(self, supervisor: Supervisor, host: str, port: int, since: Any, url: str) -> None:
        end = time.monotonic() + START_WITHIN_S
        while not supervisor.stopping:
            supervisor.tick(wait_s=0.1)
            missing = embedded.missing(host=host, port=port, since=since)
            if not missing:
                self._say(f"ready {url}")
                return
            if time.monotonic() > end:
                raise CommandError(
                    f"{', '.join(missing)} did not answer within {START_WITHIN_S:.0f} s; "
                    f"see {settings.MEDIAHUB_DATA_DIR / 'logs'}."
                )

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
