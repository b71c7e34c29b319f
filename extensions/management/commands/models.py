"""`manage.py models list | verify | fetch NAME`: the model files of this machine, for operators."""

import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from extensions.providers.model_files import Progress, install_model
from extensions.vision.errors import WeightsError
from extensions.vision.weights import MISSING, Weight, get_weight, manifest, problem_of
from mediahub.lib.http import OutboundError

_REPORT_EVERY_S = 2.0


class Command(BaseCommand):
    help = "List the model files, verify their checksums, or fetch a larger model."
    requires_system_checks = ()  # it must work while something else is broken

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, text in (("list", "Name every known model."), ("verify", "Check every file that is here.")):
            actions.add_parser(name, help=text).add_argument("--json", action="store_true", dest="as_json")
        fetch = actions.add_parser("fetch", help="Download a model, or take it from a file.")
        fetch.add_argument("name")
        fetch.add_argument("--from-file", type=Path, metavar="PATH", help="a file that was carried here")
        fetch.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, action: str, as_json: bool, **options: Any) -> None:
        """Exit status 1 when `verify` finds a damaged file or a committed one missing, or `fetch` fails."""
        if action == "fetch":
            self._fetch(options["name"], options["from_file"], as_json)
        else:
            self._report([_describe(weight) for weight in manifest().values()], as_json, strict=action == "verify")

    def _report(self, rows: list[dict[str, Any]], as_json: bool, *, strict: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(rows, indent=1))
        else:
            for row in rows:
                self.stdout.write(f"{row['name']:24} {row['state']:14} {row['licence']:20} {row['job']}")
        wrong = [row["name"] for row in rows if row["state"] not in ("ok", "not fetched")]
        if strict and wrong:
            raise CommandError(f"Not in order: {', '.join(wrong)}")

    def _fetch(self, name: str, from_file: Path | None, as_json: bool) -> None:
        try:
            path = install_model(get_weight(name), from_file=from_file, progress=self._progress())
        except (WeightsError, OutboundError, OSError) as error:
            raise CommandError(f"{name} was not installed: {error}") from error
        row = _describe(get_weight(name))
        self.stdout.write(json.dumps(row, indent=1) if as_json else f"{name} is ready: {path}")

    def _progress(self) -> Progress:
        """A line on standard error every few seconds: readable in a terminal and in a log."""
        last = time.monotonic()

        def tell(size_bytes: int) -> None:
            nonlocal last
            if time.monotonic() - last >= _REPORT_EVERY_S:
                last = time.monotonic()
                self.stderr.write(f"{size_bytes / 1e6:.0f} MB")

        return tell


def _describe(weight: Weight) -> dict[str, Any]:
    """A line of the report; `state` is ok, not fetched, model_missing or model_corrupt."""
    problem = problem_of(weight.name)
    state = "ok" if problem is None else problem.code
    if state == MISSING and not weight.is_committed:
        state = "not fetched"
    return {
        "name": weight.name,
        "state": state,
        "job": weight.job,
        "licence": weight.licence,
        "origin": weight.origin,
        "path": str(weight.path),
        "reason": problem.message if problem and state != "not fetched" else "",
    }
