"""`manage.py worker QUEUE ...`: one Celery worker for one or more queues. `up` runs five; scale out by running more."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from extensions.workers import QUEUES, serve_queues
from mediahub.lib.roles import take_role


class Command(BaseCommand):
    help = "Work on the given queues until SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queues", nargs="+", choices=QUEUES, metavar="QUEUE", help=", ".join(QUEUES))
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        take_role("worker")
        serve_queues(*options["queues"])
