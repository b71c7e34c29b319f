"""`/api/webhook-deliveries/`: the log of webhooks, sending again, trying an endpoint; and rotation of secrets.

Ours alone: ImageKit has no such thing. The admin's Webhooks page and `replay_webhooks` call the same services.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extensions.api.webhooks import find_endpoint
from extensions.models import WebhookDelivery
from extensions.querysets import DeliveryQuerySet
from extensions.webhooks.endpoints import send_test
from extensions.webhooks.publish import receiver_of
from extensions.webhooks.rotation import rotate_secret
from extensions.webhooks.services import Chosen, chosen_deliveries, replay, replay_many
from extensions.webhooks.wire import delivery_object, whole_delivery
from library.api.auth import key_user
from library.models import Account
from mediahub.lib import clock
from mediahub.lib.errors import DomainError, NotFound
from mediahub.lib.http import BadUrl, Policy, check_url
from mediahub.lib.json_input import require_clean_text

NO_DELIVERY = "There is no webhook delivery of that id."
MOST_ROWS = 100
LARGEST_ID = 2**63 - 1


class BadFilter(DomainError):
    """A filter has a value that cannot be meant; `field` names it."""

    code = "invalid_parameter"


class DeliveryListView(APIView):
    """`GET`: deliveries, newest first, by `state`, `receiver`, `event`, `since`; `before` goes on from an id."""

    resource_group = "webhooks"

    def get(self, request: Request) -> Response:
        given = {name: value for name, value in request.query_params.dict().items() if value != ""}
        limit = _whole(given, "limit", default=20, most=MOST_ROWS)
        rows = list(_filtered(key_user(request).account, given)[: limit + 1])
        more = str(rows[limit - 1].pk) if len(rows) > limit else None
        return Response({"deliveries": [delivery_object(row) for row in rows[:limit]], "before": more})


class DeliveryView(APIView):
    """`GET`: one delivery with its body and every attempt."""

    resource_group = "webhooks"

    def get(self, request: Request, delivery_id: str) -> Response:
        delivery = _find(key_user(request).account, delivery_id)
        return Response(whole_delivery(delivery))


class DeliveryReplayView(APIView):
    """`POST .../{id}/replay`: send one finished delivery again; 202."""

    resource_group = "webhooks"

    def post(self, request: Request, delivery_id: str) -> Response:
        found = _find(key_user(request).account, delivery_id)
        return Response(delivery_object(replay(delivery=found, actor=key_user(request).actor)), status=202)


class ReplayView(APIView):
    """`POST .../replay` with `receiver` and `since`: send all of a receiver's again, up to 1000; 202.

    `dryRun` only counts. `after` in the answer, where it is not null, is sent along to go on.
    """

    resource_group = "webhooks"

    def post(self, request: Request) -> Response:
        body = request.data
        dry_run, only_failed = _boolean(body, "dryRun"), _boolean(body, "onlyFailed")
        chosen = Chosen(
            account=key_user(request).account,
            receiver=_receiver(_text(body, "receiver")),
            since=_moment(_text(body, "since"), "since"),
            only_failed=only_failed,
            after=_whole({"after": _text(body, "after")}, "after", default=0, most=LARGEST_ID)
            if "after" in body
            else 0,
        )
        if dry_run:
            count = chosen_deliveries(chosen, now=clock.now()).count()
            return Response({"count": count, "dryRun": True, "after": None})
        done = replay_many(chosen=chosen, actor=key_user(request).actor)
        after = None if done.after is None else str(done.after)
        return Response({"count": done.count, "dryRun": False, "after": after}, status=202)


class TestDeliveryView(APIView):
    """`POST .../test` with `endpointId`: send something harmless to an endpoint; 202."""

    resource_group = "webhooks"

    def post(self, request: Request) -> Response:
        endpoint = find_endpoint(key_user(request).account, _text(request.data, "endpointId"))
        return Response(delivery_object(send_test(endpoint=endpoint, actor=key_user(request).actor)), status=202)


class SecretView(APIView):
    """`POST /api/webhook-secrets/rotate`: a new secret for `endpointId`, or without one for `webhookUrl` calls."""

    resource_group = "webhooks"

    def post(self, request: Request) -> Response:
        account = key_user(request).account
        endpoint = find_endpoint(account, _text(request.data, "endpointId")) if "endpointId" in request.data else None
        return Response({"secret": rotate_secret(account=account, endpoint=endpoint, actor=key_user(request).actor)})


def _filtered(account: Account, given: Mapping[str, str]) -> DeliveryQuerySet:
    rows = WebhookDelivery.objects.of_account(account).select_related("endpoint").defer("body").order_by("-pk")
    if "state" in given:
        if given["state"] not in WebhookDelivery.State.values:
            raise BadFilter(f"state must be one of {', '.join(WebhookDelivery.State.values)}.", field="state")
        rows = rows.filter(state=given["state"])
    if "receiver" in given:
        rows = rows.filter(receiver=receiver_of(_receiver(given["receiver"])))
    if "event" in given:
        rows = rows.filter(event=_clean(given["event"], "event"))
    if "since" in given:
        rows = rows.filter(created_at__gte=_moment(given["since"], "since"))
    if "before" in given:
        rows = rows.filter(pk__lt=_whole(given, "before", default=0, most=LARGEST_ID))
    return rows


def _find(account: Account, delivery_id: str) -> WebhookDelivery:
    rows = WebhookDelivery.objects.of_account(account).select_related("account", "endpoint")
    found = rows.with_id(delivery_id)
    if found is None:
        raise NotFound(NO_DELIVERY)
    return found


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadFilter(f"{name} must be a text.", field=name)
    return value


def _boolean(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadFilter(f"{name} must be true or false.", field=name)
    return value


def _receiver(text: str) -> str:
    """A receiver as it is written, or any URL there. Which addresses may be called does not matter here."""
    try:
        check_url(_clean(text, "receiver"), policy=Policy(operator_address=True))
    except BadUrl as error:
        raise BadFilter(f"receiver: {error}", field="receiver") from error
    return text


def _moment(text: str, name: str) -> datetime:
    moment = clock.read_moment(_clean(text, name))
    if moment is None:
        raise BadFilter(f"{name} must be a moment such as 2026-03-01T00:00:00Z.", field=name)
    return moment


def _whole(given: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and 1 <= int(text) <= most):
        raise BadFilter(f"{name} must be a whole number from 1 to {most}.", field=name)
    return int(text)


def _clean(text: str, name: str) -> str:
    try:
        return require_clean_text(text)
    except DomainError as error:
        raise BadFilter(f"{name}: {error.message}", field=name) from error
