"""`GET /api/extensions`: what can be asked for, with which parameters, for how many units, and who would do it now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extensions.catalog import CATALOG, SAVED_EXTENSION, Extension, Parameter
from extensions.forms import ChainLink, chain_link
from extensions.models import ProviderState, SavedExtension
from extensions.providers import state
from extensions.units.services import balance
from library.api.auth import key_user
from library.wire import iso
from mediahub.lib import clock


class CatalogueView(APIView):
    """Every extension of the server and the account's saved ones. What a provider costs or who pays it is not told."""

    resource_group = "media"

    def get(self, request: Request) -> Response:
        account, now = key_user(request).account, clock.now()
        known = state.known_states()
        saved = SavedExtension.objects.of_account(account)
        return Response(
            {
                "extensions": [_extension(one, known, now) for one in CATALOG.values()],
                "saved": [_saved(one) for one in saved],
                "unitsAvailable": balance(account, now=now).available,
            }
        )


def _extension(extension: Extension, known: dict[str, ProviderState], now: datetime) -> dict[str, Any]:
    chain = [_provider(chain_link(slug), known.get(slug), now) for slug in extension.chain]
    return {
        "name": extension.name,
        "title": extension.title,
        "writes": extension.writes,
        "units": extension.units,
        "mode": "synchronous-first" if extension.is_synchronous_first else "asynchronous",
        "acceptsAnimated": extension.accepts_animated,
        "makesVersion": extension.makes_version,
        "available": any(provider["available"] for provider in chain),
        "parameters": _schema(extension.parameters),
        "providers": chain,
    }


def _schema(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """The block's parameters as one JSON Schema; no others are taken."""
    properties = {}
    for one in parameters:
        properties[one.name] = {"title": one.title, **one.schema}
        if one.default is not None and not one.required:
            properties[one.name]["default"] = one.default
    required = [one.name for one in parameters if one.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _provider(link: ChainLink, row: ProviderState | None, now: datetime) -> dict[str, Any]:
    """A provider of a chain. `pausedUntil`: it failed lately, and runs pass it over until then."""
    is_paused = row is not None and row.breaker == ProviderState.Breaker.OPEN and row.until and row.until > now
    return {
        "slug": link.slug,
        "title": link.title,
        "runsLocally": link.runs_locally,
        "available": link.available,
        "reason": link.reason or None,
        "pausedUntil": iso(row.until) if is_paused and row and row.until else None,
    }


def _saved(saved: SavedExtension) -> dict[str, Any]:
    config = CATALOG.get(saved.extension)
    return {
        "name": SAVED_EXTENSION,
        "id": saved.saved_id,
        "title": saved.name,
        "extension": saved.extension,
        "units": config.units if config else None,
    }
