"""`manage.py runs list | show | cancel | retry`: runs of all accounts, chosen by id or by the filters of the API."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from extensions.models import ExtensionRun
from extensions.runs.selecting import RunFilter, parse_filter, select
from extensions.runs.services import cancel_run, retry_run
from extensions.runs.wire import run_object
from library.models import Account
from mediahub.lib.actors import command_actor
from mediahub.lib.errors import DomainError

ACTS: dict[str, Callable[..., ExtensionRun]] = {"cancel": cancel_run, "retry": retry_run}
FILTERS = {"state": "state", "extension": "extension", "file": "fileId", "since": "since", "limit": "limit"}
OPEN, OVER = "queued,running", "failed,cancelled"


class Command(BaseCommand):
    help = "List runs, show one, cancel open ones or try those that failed again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["list", "show", *ACTS])
        parser.add_argument("ids", nargs="*", help="ids of runs")
        parser.add_argument("--account", help="only runs of this account")
        parser.add_argument("--state", help=f"comma-separated; cancel takes {OPEN}, retry {OVER} unless given")
        parser.add_argument("--extension", help="only runs of this extension")
        parser.add_argument("--file", help="only runs on this file id")
        parser.add_argument("--since", help="only runs asked for since, such as 2026-03-01T12:00:00Z")
        parser.add_argument("--limit", help="how many at most (100; up to 1000)")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and its units")
        parser.add_argument("--json", action="store_true", help="print one JSON array")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            runs = _chosen(options)
        except DomainError as error:
            raise CommandError(error.message) from error
        if options["act"] in ACTS:
            self._act(runs, options)
        else:
            self._print([run_object(run) for run in runs], options)

    def _act(self, runs: list[ExtensionRun], options: dict[str, Any]) -> None:
        """Cancel or retry each in a transaction of its own; those that cannot be are told of, and end with 1."""
        done: list[dict[str, Any]] = []
        for run in runs:
            if options["dry_run"]:
                done.append(run_object(run) | {"would": options["act"]})
                continue
            try:
                after = ACTS[options["act"]](run=run, actor=command_actor())
                done.append(run_object(after))
            except DomainError as error:
                done.append(run_object(run) | {"refused": {"code": error.code, "message": error.message}})
        self._print(done, options)
        refused = sum("refused" in one for one in done)
        if refused:
            raise CommandError(f"{options['act']}: refused for {refused} of {len(done)} runs.")

    def _print(self, facts: list[dict[str, Any]], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        if options["act"] == "show":
            for one in facts:
                self.stdout.write(json.dumps(one, indent=2, ensure_ascii=False))
            return
        for one in facts:
            self.stdout.write(_line(one))
        if options["dry_run"]:
            units = sum(one["units"] for one in facts)
            self.stdout.write(f"{len(facts)} runs of {units} units would be affected; nothing was changed.")


def _chosen(options: dict[str, Any]) -> list[ExtensionRun]:
    """The runs by id, in the order given, or by filter. Raises CommandError, BadFilter."""
    runs = ExtensionRun.objects.select_related("account")
    given = {field: options[name] for name, field in FILTERS.items() if options[name]}
    if options["account"]:
        account = Account.objects.filter(slug=options["account"]).first()
        if account is None:
            raise CommandError(f"There is no account {options['account']!r}.")
        runs = runs.of_account(account)
    if options["ids"]:
        found = runs.in_bulk([_key(text) for text in options["ids"]])
        missing = [text for text in options["ids"] if _key(text) not in found]
        if missing:
            raise CommandError(f"There is no run {missing[0]}.")
        return [found[_key(text)] for text in options["ids"]]
    if options["act"] == "show":
        raise CommandError("Name the run to show.")
    if options["act"] in ACTS:
        if not given and not options["account"]:
            raise CommandError("Name runs by id, or choose them by --account, --state, --extension, --file or --since.")
        given.setdefault("state", OPEN if options["act"] == "cancel" else OVER)
    if options["act"] == "retry":
        runs = runs.filter(retries=None)  # what was tried again already is only tried again by name
    wanted: RunFilter = parse_filter(given)
    return list(select(runs, wanted))


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CommandError(f"{text[:60]!r} is not the id of a run.") from None


def _line(one: dict[str, Any]) -> str:
    words = [one["id"], f"{one['state']:<9}", f"{one['extension']:<20}", one["fileId"], one["provider"] or "-"]
    if one.get("refused"):
        words.append(f"refused: {one['refused']['message']}")
    elif one["error"]:
        words.append(f"{one['error']['code']}: {one['error']['message']}")
    elif one["lastError"] and one["state"] == "queued":
        words.append(f"waits: {one['lastError']}")
    return "  ".join(words)
