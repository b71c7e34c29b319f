"""`manage.py create_api_key SLUG`: a further key of an account. Its private part is shown this once (REL A2)."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from library.models import Account, ApiKey
from library.services.accounts import NewKey, audit, create_api_key
from mediahub.lib.actors import command_actor
from mediahub.lib.errors import DomainError


class Command(BaseCommand):
    help = "Make an API key for an account, with all rights or with those that are given, and print it."

    def add_arguments(self, parser: CommandParser) -> None:
        groups = ", ".join(ApiKey.Group.values)
        parser.add_argument("slug", help="the account")
        parser.add_argument("--label", default="", help="what the key is for")
        parser.add_argument(
            "--right",
            action="append",
            metavar="GROUP=RIGHT",
            help=f"makes a restricted key; GROUP is one of {groups}, RIGHT is none, read or write; may be repeated",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account.objects.filter(slug=options["slug"]).first()
        if account is None:
            raise CommandError(f"There is no account {options['slug']!r}.")
        try:
            made = _make(account, options["label"].strip()[:80], _rights(options["right"]))
        except DomainError as error:
            raise CommandError(error.message) from error
        facts = {"account": account.slug, "publicKey": made.public_key, "privateKey": made.private_key}
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        for name, value in facts.items():
            self.stdout.write(f"{name:<14} {value}")
        self.stdout.write("Keep the private key: it is not shown again.")


@transaction.atomic
def _make(account: Account, label: str, rights: dict[str, str] | None) -> NewKey:
    made = create_api_key(account=account, label=label, rights=rights)
    detail = {"rights": made.api_key.rights} if rights is not None else {}
    actor = command_actor()
    audit(account=account, actor=actor, action="key.created", target=made.public_key, detail=detail)
    return made


def _rights(items: list[str] | None) -> dict[str, str] | None:
    if items is None:
        return None
    pairs = [item.partition("=") for item in items]
    return {group.strip(): right.strip() for group, _, right in pairs}
