"""`manage.py check_ledger`: recompute every balance and compare runs with their entries; exit 1 on a difference."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from extensions.models import UnitLedger
from extensions.units import audit


class Command(BaseCommand):
    help = "Check that every balance is the sum of its entries and every run's hold is open or closed as it should be."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fix", action="store_true", help="first add the posts and voids that ended runs lack")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        added = audit.repair() if options["fix"] else 0
        found = audit.differences()
        ledgers = UnitLedger.objects.count()
        if options["json"]:
            facts = {"ledgers": ledgers, "added": added, "differences": [one.as_dict() for one in found]}
            self.stdout.write(json.dumps(facts))
        else:
            for one in found:
                self.stdout.write(f"{one.kind}: account {one.account}, {one.subject}: {one.detail}")
            self.stdout.write(f"{ledgers} ledgers, {added} entries added, {len(found)} differences")
        if found:
            raise CommandError(f"The ledger does not add up: {len(found)} differences.", returncode=1)
