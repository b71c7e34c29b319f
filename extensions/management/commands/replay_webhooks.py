"""`manage.py replay_webhooks`: send finished webhooks again, after a receiver was repaired for instance."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from extensions.webhooks.services import Chosen, chosen_deliveries, replay_many
from library.models import Account
from mediahub.lib import clock
from mediahub.lib.actors import command_actor
from mediahub.lib.http import BadUrl, Policy, check_url


class Command(BaseCommand):
    help = "Send finished webhook deliveries of the last 30 days again, with the same ids and bodies."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", metavar="SLUG", help="only this account's")
        parser.add_argument("--receiver", metavar="URL", help="only those to this scheme, host and port")
        parser.add_argument("--since", metavar="TIME", help="only those made since, such as 2026-03-01T00:00:00Z")
        parser.add_argument("--only-failed", action="store_true", help="not those that were delivered")
        parser.add_argument("--dry-run", action="store_true", help="only count them")
        parser.add_argument("--json", action="store_true", help="print the count as one JSON object")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = Chosen(
            account=_account(options["account"]),
            receiver=_receiver(options["receiver"]),
            since=_moment(options["since"]),
            only_failed=options["only_failed"],
        )
        dry_run = options["dry_run"]
        if not dry_run and chosen == Chosen(only_failed=chosen.only_failed):
            raise CommandError("Say which: --account, --receiver or --since. --dry-run counts all of them.")
        count = chosen_deliveries(chosen, now=clock.now()).count() if dry_run else _replay_all(chosen)
        if options["json"]:
            self.stdout.write(json.dumps({"count": count, "dryRun": dry_run}))
            return
        self.stdout.write(f"{count} deliveries {'can be sent' if dry_run else 'will be sent'} again")


def _replay_all(chosen: Chosen) -> int:
    count, actor = 0, command_actor()
    while True:
        done = replay_many(chosen=chosen, actor=actor)
        count += done.count
        if done.after is None:
            return count
        chosen = replace(chosen, after=done.after)


def _account(slug: str | None) -> Account | None:
    if slug is None:
        return None
    account = Account.objects.filter(slug=slug).first()
    if account is None:
        raise CommandError(f"There is no account {slug!r}.")
    return account


def _receiver(text: str | None) -> str | None:
    if text is not None:
        try:
            check_url(text, policy=Policy(operator_address=True))
        except BadUrl as error:
            raise CommandError(f"--receiver: {error}") from error
    return text


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = clock.read_moment(text)
    if moment is None:
        raise CommandError("--since must be a moment such as 2026-03-01T00:00:00Z.")
    return moment
