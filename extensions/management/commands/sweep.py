"""`manage.py sweep`: look for due work for ever, or once. Safe in any number of copies (REL J12)."""

import json
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from extensions.sweeping import Sweeper, sweep_for_ever
from mediahub.lib.roles import take_role


class Command(BaseCommand):
    help = "Publish wake-ups for due work, free what dead processes held, and tidy up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one pass over every part, then end")
        parser.add_argument("--json", action="store_true", help="with --once: print what each part did as one object")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        take_role("sweep")
        if not options["once"]:
            sweep_until_told()
            return
        sweeper = Sweeper()
        results = sweeper.sweep_once()
        self.stdout.write(json.dumps(results, default=str) if options["json"] else _in_words(results))
        if sweeper.failed(results):
            raise CommandError("A part of the sweep failed.")


def sweep_until_told() -> None:
    """Sweep until SIGTERM or SIGINT."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    sweep_for_ever(told.wait)


def _in_words(results: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {result}" for name, result in results.items())
