"""`manage.py grant_units SLUG N --reason TEXT`: add units to an account's present month, once."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from extensions.units import services as units
from library.models import Account
from mediahub.lib import clock
from mediahub.lib.actors import command_actor
from mediahub.lib.errors import DomainError


class Command(BaseCommand):
    help = "Add units to this month of an account."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the account")
        parser.add_argument("units", type=int, help="how many, above zero")
        parser.add_argument("--reason", required=True, help="why; it stands in the ledger")
        parser.add_argument("--json", action="store_true", help="print the new balance as one JSON object")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account.objects.filter(slug=options["slug"]).first()
        if account is None:
            raise CommandError(f"There is no account {options['slug']!r}.")
        actor = command_actor()
        try:
            units.grant(account=account, amount=options["units"], actor=actor, reason=options["reason"])
        except DomainError as error:
            raise CommandError(error.message) from error
        balance = units.balance(account, now=clock.now())
        facts = {"account": account.slug, "granted": balance.granted, "available": balance.available}
        self.stdout.write(
            json.dumps(facts)
            if options["json"]
            else f"{account.slug}: {balance.granted} units granted this month, {balance.available} available"
        )
