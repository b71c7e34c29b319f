"""`manage.py backfill start | list | show | pause | resume | cancel | retry`: extensions on what the library has."""

import json
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from extensions.backfills import services
from extensions.backfills.choosing import estimate_backfill
from extensions.backfills.selecting import parse_filter, select
from extensions.backfills.wire import backfill_object, outcomes
from extensions.catalog import parse_blocks
from extensions.filters import clean_filter
from extensions.models import Backfill
from extensions.saved.resolving import resolve_blocks
from extensions.units.wire import estimate_object
from library.models import Account
from mediahub.lib import clock
from mediahub.lib.actors import command_actor
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import loads_strict

ACTS: dict[str, Callable[..., Backfill]] = {
    "pause": services.pause_backfill,
    "resume": services.resume_backfill,
    "cancel": services.cancel_backfill,
    "retry": services.retry_failed,
}
FILTERS = {"path": "path", "type": "fileType", "search": "searchQuery", "tags": "tags"}
LOOK_EVERY_S = 2.0


class Command(BaseCommand):
    help = "Run extensions on files that are in the library already: estimate, start, follow, pause, resume, cancel."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["start", "list", "show", *ACTS])
        parser.add_argument("ids", nargs="*", help="ids of backfills")
        parser.add_argument("--account", help="start: whose files; list: only this account's")
        parser.add_argument("--extensions", help="start: a JSON array as in an upload, or names by comma")
        parser.add_argument("--path", help="start: only files of this folder")
        parser.add_argument("--type", choices=["all", "image", "non-image"], help="start: only such files")
        parser.add_argument("--tags", help="start: only files with one of these tags, by comma")
        parser.add_argument("--search", help="start: only files that this search expression finds")
        parser.add_argument("--again", action="store_true", help="start: also where it was done already")
        parser.add_argument("--unit-limit", type=int, help="start, resume: pause before more units than this are used")
        parser.add_argument("--state", help="list: only these states, by comma")
        parser.add_argument("--limit", help="list: how many at most (20; up to 100)")
        parser.add_argument("--dry-run", action="store_true", help="start: say what it would cost, and end")
        parser.add_argument("--follow", action="store_true", help="print the progress until it stops")
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = self._do(options)
        except DomainError as error:
            raise CommandError(error.message) from error
        if found is None:
            return
        self._print(found, options)
        if options["follow"]:
            for backfill in found:
                self._follow(backfill, options)

    def _do(self, options: dict[str, Any]) -> list[Backfill] | None:
        """What was asked for; the backfills to tell of, or None if all is said."""
        act = options["act"]
        if act == "start":
            return self._start(options)
        if act == "list":
            rows = Backfill.objects.of_account(_account(options)) if options["account"] else Backfill.objects.all()
            given = {name: options[name] for name in ("state", "limit") if options[name]}
            return list(select(rows, parse_filter(given)))
        found = [_named(text) for text in options["ids"]]
        if not found:
            raise CommandError(f"Name the backfills to {act}.")
        if act in ACTS:
            more: dict[str, Any] = {}
            if act == "resume" and options["unit_limit"] is not None:
                more["changes"] = {"unit_limit": options["unit_limit"]}
            found = [ACTS[act](backfill=one, actor=command_actor(), **more) for one in found]
        return found

    def _start(self, options: dict[str, Any]) -> list[Backfill] | None:
        account = _account(options)
        blocks = resolve_blocks(account, parse_blocks(_blocks(options["extensions"]), both_spellings=True))
        if not blocks:
            raise CommandError("Say what to run by --extensions.")
        given = clean_filter({theirs: options[ours] for ours, theirs in FILTERS.items() if options[ours] is not None})
        skip_done, now = not options["again"], clock.now()
        if options["dry_run"]:
            found = estimate_object(
                estimate_backfill(account=account, given=given, blocks=blocks, skip_done=skip_done, now=now)
            )
            self.stdout.write(json.dumps(found) if options["json"] else _cost(found))
            return None
        return [
            services.start_backfill(
                account=account,
                given=given,
                blocks=blocks,
                skip_done=skip_done,
                unit_limit=options["unit_limit"],
                webhook_url="",
                actor=command_actor(),
                now=now,
            )
        ]

    def _print(self, backfills: list[Backfill], options: dict[str, Any]) -> None:
        found = outcomes(backfills)
        facts = [backfill_object(one, found[one.pk]) for one in backfills]
        if options["json"]:
            self.stdout.write(json.dumps(facts))
        elif options["act"] == "show":
            for one in facts:
                self.stdout.write(json.dumps(one, indent=2, ensure_ascii=False))
        else:
            for one in facts:
                self.stdout.write(_line(one))

    def _follow(self, backfill: Backfill, options: dict[str, Any]) -> None:
        """Print a line whenever something has changed, until it stops; what did not complete ends with 1."""
        said = ""
        while True:
            backfill.refresh_from_db()
            facts = backfill_object(backfill)
            if (line := json.dumps(facts) if options["json"] else _line(facts)) != said:
                self.stdout.write(line)
                self.stdout.flush()
            said = line
            if backfill.state not in Backfill.ACTIVE:
                break
            time.sleep(LOOK_EVERY_S)
        if backfill.state != Backfill.State.COMPLETED:
            raise CommandError(f"The backfill is {backfill.state}: {backfill.error_message}")


def _account(options: dict[str, Any]) -> Account:
    found = Account.objects.filter(slug=options["account"] or "").first()
    if found is None:
        raise CommandError(f"There is no account {options['account']!r}." if options["account"] else "Name --account.")
    return found


def _named(text: str) -> Backfill:
    found = Backfill.objects.select_related("account").filter(backfill_id=text).first()
    if found is None:
        raise CommandError(f"There is no backfill {text[:60]!r}.")
    return found


def _blocks(text: str | None) -> Any:
    """The array of `--extensions`; plain names stand for blocks without parameters."""
    if not text or text.lstrip().startswith("["):
        return loads_strict(text) if text else []
    return [{"name": name.strip()} for name in text.split(",") if name.strip()]


def _cost(found: dict[str, Any]) -> str:
    lines = [f"{found['files']} files, {found['runs']} runs, {found['units']} units of {found['available']} available"]
    lines += [f"  {one['name']}: {one['runs']} runs of {one['unitsEach']} units" for one in found["byExtension"]]
    lines += [f"  skipped: {one['count']} {one['reason']}" for one in found["skipped"]]
    if not found["enough"]:
        lines.append("  The units do not suffice: it would pause on the way.")
    return "\n".join([*lines, "Nothing was changed."])


def _line(one: dict[str, Any]) -> str:
    runs, files = one["runs"], one["files"]
    names = ",".join(block["name"] for block in one["extensions"])
    counts = f"{runs['succeeded']} done, {runs['failed']} failed, {runs['open']} open"
    skipped = sum(each["count"] for each in one["skipped"])
    words = [
        one["id"],
        f"{one['state']:<9}",
        f"{one['percent']:>3} %",
        f"{files['lookedAt']} of {files['found']} files",
    ]
    words += [counts, f"{skipped} skipped", f"{one['units']['spent']} units", names]
    if one["reason"]:
        words.append(f"{one['reason']['code']}: {one['reason']['message']}")
    return "  ".join(words)
