"""`manage.py extensions`: what can be asked for, what it costs, who would do it, and what to set where nobody can."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from extensions.catalog import CATALOG, Extension
from extensions.providers.registry import get_provider


class Command(BaseCommand):
    help = "List the extensions with their price, and each provider with whether it is available and why not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON array")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        facts = [_facts(extension) for extension in CATALOG.values()]
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        for one in facts:
            mode = "answered in the request if quick" if one["synchronousFirst"] else "always in the background"
            self.stdout.write(f"{one['name']}: {one['units']} units, {mode}")
            for provider in one["providers"]:
                state = "available" if provider["available"] else f"not available: {provider['reason']}"
                self.stdout.write(f"  {provider['slug']:<18} {state}")


def _facts(extension: Extension) -> dict[str, Any]:
    return {
        "name": extension.name,
        "units": extension.units,
        "synchronousFirst": extension.is_synchronous_first,
        "writes": extension.writes,
        "providers": [_provider(slug) for slug in extension.chain],
    }


def _provider(slug: str) -> dict[str, Any]:
    """Facts of a provider of a chain; one that cannot even be loaded says so in its reason."""
    try:
        return get_provider(slug).describe()
    except (ImportError, KeyError) as error:
        return {"slug": slug, "available": False, "reason": f"cannot be loaded: {error}"}
