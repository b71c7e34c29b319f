"""`/v1/accounts/webhooks`: an account's endpoints for events, at most three (API 5.2)."""

from __future__ import annotations

import re
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extensions.models import WebhookEndpoint
from extensions.webhooks.endpoints import (
    NO_ENDPOINT,
    BadEndpoint,
    EndpointChanges,
    create_endpoint,
    delete_endpoint,
    update_endpoint,
)
from extensions.webhooks.events import EVENT_TYPES
from library import wire
from library.api.auth import key_user
from library.models import Account
from mediahub.lib.errors import NotFound

MASKED = "whsec_********"
_ENDPOINT_ID = re.compile(r"wh_[A-Za-z0-9]{1,40}\Z")


class EndpointListView(APIView):
    """`GET`: every endpoint of the account. `POST`: make one; 201."""

    resource_group = "webhooks"

    def get(self, request: Request) -> Response:
        rows = WebhookEndpoint.objects.of_account(key_user(request).account)
        return Response([endpoint_object(request, row) for row in rows])

    def post(self, request: Request) -> Response:
        for name in ("endpoint", "events"):
            if name not in request.data:
                raise BadEndpoint(f"{name} is required.", field=name)
        changes = _parse(request.data)
        endpoint = create_endpoint(
            account=key_user(request).account,
            url=changes.url or "",
            events=changes.events or (),
            enabled=changes.enabled is not False,
            actor=key_user(request).actor,
        )
        return Response(endpoint_object(request, endpoint), status=201)


class EndpointView(APIView):
    """One endpoint: `GET`, `PATCH`, `DELETE`."""

    resource_group = "webhooks"

    def get(self, request: Request, endpoint_id: str) -> Response:
        return Response(endpoint_object(request, find_endpoint(key_user(request).account, endpoint_id)))

    def patch(self, request: Request, endpoint_id: str) -> Response:
        endpoint = find_endpoint(key_user(request).account, endpoint_id)
        changed = update_endpoint(endpoint=endpoint, changes=_parse(request.data), actor=key_user(request).actor)
        return Response(endpoint_object(request, changed))

    def delete(self, request: Request, endpoint_id: str) -> Response:
        delete_endpoint(endpoint=find_endpoint(key_user(request).account, endpoint_id), actor=key_user(request).actor)
        return Response(status=204)


def find_endpoint(account: Account, endpoint_id: str) -> WebhookEndpoint:
    """The account's endpoint of that id. Raises NotFound alike for unknown ids and other accounts' (REL A4)."""
    rows = WebhookEndpoint.objects.of_account(account).select_related("account")
    endpoint = rows.filter(endpoint_id=endpoint_id).first() if _ENDPOINT_ID.match(endpoint_id) else None
    if endpoint is None:
        raise NotFound(NO_ENDPOINT)
    return endpoint


def endpoint_object(request: Request, endpoint: WebhookEndpoint) -> wire.Json:
    """An endpoint as ImageKit shows it. A key that may only read does not learn the secret."""
    may_know = key_user(request).api_key.allows("webhooks", "write")
    return {
        "id": endpoint.endpoint_id,
        "endpoint": endpoint.url,
        "events": endpoint.events,
        "enabled": endpoint.enabled,
        "secret": endpoint.secret if may_know else MASKED,
        "createdAt": wire.iso(endpoint.created_at),
        "updatedAt": wire.iso(endpoint.updated_at),
    }


def _parse(body: dict[str, Any]) -> EndpointChanges:
    """The members of a body by their types; what they mean is the service's business. Raises BadEndpoint."""
    url, events, enabled = (body.get(name) for name in ("endpoint", "events", "enabled"))
    if "endpoint" in body and not isinstance(url, str):
        raise BadEndpoint("endpoint must be a text.", field="endpoint")
    if "events" in body and not (isinstance(events, list) and all(isinstance(item, str) for item in events)):
        raise BadEndpoint("events must be an array of texts.", field="events")
    if events is not None and len(events) > len(EVENT_TYPES):
        raise BadEndpoint(f"events may have {len(EVENT_TYPES)} items.", field="events")
    if "enabled" in body and not isinstance(enabled, bool):
        raise BadEndpoint("enabled must be true or false.", field="enabled")
    return EndpointChanges(url=url, events=None if events is None else tuple(events), enabled=enabled)
