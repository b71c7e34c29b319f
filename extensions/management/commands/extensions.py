"""`manage.py extensions`: what can be asked for, what it costs, who would do it, and what to set where nobody can.

It also tells which providers are not asked at present because they failed; `--reset SLUG` has one asked again.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from extensions.catalog import CATALOG, Extension
from extensions.models import ProviderState
from extensions.providers import state
from extensions.providers.registry import PROVIDERS, get_provider
from library.wire import iso
from mediahub.lib.actors import command_actor


class Command(BaseCommand):
    help = "List the extensions with their price, and each provider with whether it is available and why not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON array")
        parser.add_argument("--reset", metavar="SLUG", help="have a provider asked again that failed, and end")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["reset"]:
            self._reset(options["reset"])
            return
        known = state.known_states()
        facts = [_facts(extension, known) for extension in CATALOG.values()]
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        for one in facts:
            mode = "answered in the request if quick" if one["synchronousFirst"] else "always in the background"
            self.stdout.write(f"{one['name']}: {one['units']} units, {mode}")
            for provider in one["providers"]:
                self.stdout.write(f"  {provider['slug']:<18} {_words(provider)}")

    def _reset(self, slug: str) -> None:
        if slug not in PROVIDERS:
            raise CommandError(f"There is no provider {slug!r}; known are {', '.join(PROVIDERS)}.")
        was_reset = state.reset(slug, actor=command_actor())
        self.stdout.write(f"{slug} is asked again" if was_reset else f"{slug} was fine already")


def _words(provider: dict[str, Any]) -> str:
    if not provider["available"]:
        return f"not available: {provider['reason']}"
    breaker = provider["breaker"]
    if breaker["state"] == ProviderState.Breaker.CLOSED:
        return "available"
    return f"not asked until {breaker['until']}: {breaker['code']}: {breaker['reason']}"


def _facts(extension: Extension, known: dict[str, ProviderState]) -> dict[str, Any]:
    return {
        "name": extension.name,
        "units": extension.units,
        "synchronousFirst": extension.is_synchronous_first,
        "writes": extension.writes,
        "providers": [_provider(slug) | {"breaker": _breaker(known.get(slug))} for slug in extension.chain],
    }


def _provider(slug: str) -> dict[str, Any]:
    """Facts of a provider of a chain; one that cannot even be loaded says so in its reason."""
    try:
        return get_provider(slug).describe()
    except (ImportError, KeyError) as error:
        return {"slug": slug, "available": False, "reason": f"cannot be loaded: {error}"}


def _breaker(row: ProviderState | None) -> dict[str, Any]:
    """The breaker of a provider; one without a row has never failed."""
    row = row or ProviderState()
    return {
        "state": row.breaker,
        "until": iso(row.until) if row.until else None,
        "failures": row.failures,
        "code": row.code or None,
        "reason": row.reason or None,
    }
