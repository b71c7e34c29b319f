"""`manage.py create_account SLUG`: a tenant with its first key. The private parts are shown this once (REL A2)."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from library.services.accounts import create_account
from mediahub.lib.errors import DomainError


class Command(BaseCommand):
    help = "Make an account and its first API key, and print both with the webhook secret."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the account's path in delivery URLs: lower-case letters, digits, - and _")
        parser.add_argument("--units", type=int, help="units granted each month (default 650)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["units"] is not None and options["units"] < 0:
            raise CommandError("--units must not be below zero.")
        try:
            new = create_account(slug=options["slug"], units_per_month=options["units"])
        except DomainError as error:
            raise CommandError(error.message) from error
        facts = {
            "account": new.account.slug,
            "publicKey": new.public_key,
            "privateKey": new.private_key,
            "webhookSecret": new.webhook_secret,
        }
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        for name, value in facts.items():
            self.stdout.write(f"{name:<14} {value}")
        self.stdout.write("Keep the private key and the webhook secret: they are not shown again.")
