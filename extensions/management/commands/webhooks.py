"""`manage.py webhooks log | show | test`: what was sent to whom, one delivery with its attempts, and a test delivery.

`replay_webhooks` sends finished ones again.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from extensions.models import WebhookDelivery, WebhookEndpoint
from extensions.webhooks.endpoints import send_test
from extensions.webhooks.wire import delivery_object, whole_delivery
from library.wire import Json
from mediahub.lib.actors import command_actor

MOST = 1000


class Command(BaseCommand):
    help = "Show the log of webhooks, one of them with its attempts, or send a test to an endpoint."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["log", "show", "test"])
        parser.add_argument("id", nargs="?", help="show: a delivery's id; test: an endpoint's, such as wh_abc123")
        parser.add_argument("--account", metavar="SLUG", help="log: only this account's")
        parser.add_argument("--state", choices=WebhookDelivery.State.values, help="log: only those in this state")
        parser.add_argument("--limit", type=int, default=50, help=f"log: how many at most (50; up to {MOST})")
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] != "log" and not options["id"]:
            raise CommandError(f"Name what to {options['act']}: an id.")
        if options["act"] == "log":
            self._log(options)
        elif options["act"] == "show":
            self.stdout.write(json.dumps(whole_delivery(_delivery(options["id"])), indent=2, ensure_ascii=False))
        else:
            sent = send_test(endpoint=_endpoint(options["id"]), actor=command_actor())
            self._print([delivery_object(sent)], options)

    def _log(self, options: dict[str, Any]) -> None:
        if not 1 <= options["limit"] <= MOST:
            raise CommandError(f"--limit must be from 1 to {MOST}.")
        rows = WebhookDelivery.objects.select_related("endpoint").defer("body").order_by("-pk")
        if options["account"]:
            rows = rows.filter(account__slug=options["account"])
        if options["state"]:
            rows = rows.filter(state=options["state"])
        self._print([delivery_object(row) for row in rows[: options["limit"]]], options)

    def _print(self, deliveries: list[Json], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(deliveries))
            return
        for one in deliveries:
            end = one["lastReason"] or one["lastStatus"] or "-"
            words = (one["id"], one["createdAt"], f"{one['state']:<9}", f"{one['event']:<22}", str(end), one["url"])
            self.stdout.write("  ".join(words))


def _delivery(text: str) -> WebhookDelivery:
    found = WebhookDelivery.objects.select_related("endpoint").with_id(text)
    if found is None:
        raise CommandError(f"There is no webhook delivery {text[:60]!r}.")
    return found


def _endpoint(text: str) -> WebhookEndpoint:
    found: WebhookEndpoint | None = WebhookEndpoint.objects.filter(endpoint_id=text).first()
    if found is None:
        raise CommandError(f"There is no webhook endpoint {text[:60]!r}.")
    return found
