"""`manage.py web`: the site and the API on one port, served by waitress. `up` runs it; gunicorn is the alternative."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from extensions.embedded import load_site, serve_web


class Command(BaseCommand):
    help = "Serve the site and the API until SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000)")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        load_site()
        serve_web(host=options["host"], port=options["port"])
