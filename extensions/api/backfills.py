"""`/api/backfills`: extensions on all files that a filter chooses, a few at a time. Ours alone, as `/api/runs` is.

Body of a new one: `extensions` as in an upload, `filter` as in `/api/estimates`, and optionally `skipDone`,
`unitLimit`, `webhookUrl` and `dryRun`, which answers the estimate and writes nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extensions.api.upload_form import parse_webhook_url
from extensions.backfills.choosing import estimate_backfill
from extensions.backfills.selecting import parse_filter, select
from extensions.backfills.services import (
    cancel_backfill,
    check_limit,
    pause_backfill,
    resume_backfill,
    retry_failed,
    start_backfill,
)
from extensions.backfills.wire import backfill_object, outcomes
from extensions.catalog import parse_blocks
from extensions.filters import clean_filter
from extensions.models import Backfill
from extensions.saved.resolving import resolve_blocks
from extensions.units.wire import estimate_object
from library.api.auth import key_user
from library.api.serializers import BadInput
from library.identifiers import is_object_id
from mediahub.lib import clock
from mediahub.lib.errors import NotFound

MEMBERS = frozenset({"extensions", "filter", "skipDone", "unitLimit", "webhookUrl", "dryRun"})
NO_BACKFILL = "The requested backfill does not exist."


class BackfillListView(APIView):
    """`GET`: the account's backfills, newest first, as an array. `POST`: a new one, 201; or an estimate, 200."""

    resource_group = "media"

    def get(self, request: Request) -> Response:
        mine = Backfill.objects.of_account(key_user(request).account)
        rows = list(select(mine, parse_filter(request.query_params.dict())))
        found = outcomes(rows)
        return Response([backfill_object(row, found[row.pk]) for row in rows])

    def post(self, request: Request) -> Response:
        account, body = key_user(request).account, request.data
        _require_known(body, MEMBERS)
        is_dry, skip_done = _flag(body, "dryRun", default=False), _flag(body, "skipDone", default=True)
        blocks = resolve_blocks(account, parse_blocks(body.get("extensions"), both_spellings=True))
        if not blocks:
            raise BadInput("extensions must name at least one extension.", field="extensions")
        given = clean_filter(_required(body, "filter"))
        limit, webhook_url = _limit(body), parse_webhook_url(body.get("webhookUrl"))
        now = clock.now()
        if is_dry:
            found = estimate_backfill(account=account, given=given, blocks=blocks, skip_done=skip_done, now=now)
            return Response(estimate_object(found))
        made = start_backfill(
            account=account,
            given=given,
            blocks=blocks,
            skip_done=skip_done,
            unit_limit=limit,
            webhook_url=webhook_url,
            actor=key_user(request).actor,
            now=now,
        )
        return Response(backfill_object(made), status=201)


class BackfillView(APIView):
    """`GET /api/backfills/{id}`."""

    resource_group = "media"

    def get(self, request: Request, backfill_id: str) -> Response:
        return Response(backfill_object(_find(request, backfill_id)))


class _ActView(APIView, ABC):
    resource_group = "media"

    def post(self, request: Request, backfill_id: str) -> Response:
        return Response(backfill_object(self.act(request, _find(request, backfill_id))))

    @abstractmethod
    def act(self, request: Request, backfill: Backfill) -> Backfill:
        """What is done to the backfill; 409 if its state forbids it."""


class BackfillPauseView(_ActView):
    """`POST /api/backfills/{id}/pause`: ask for no more runs; those asked for go on."""

    def act(self, request: Request, backfill: Backfill) -> Backfill:
        return pause_backfill(backfill=backfill, actor=key_user(request).actor)


class BackfillResumeView(_ActView):
    """`POST /api/backfills/{id}/resume`: go on, with another `unitLimit` if the body has one."""

    def act(self, request: Request, backfill: Backfill) -> Backfill:
        _require_known(request.data, frozenset({"unitLimit"}))
        changes = {"unit_limit": _limit(request.data)} if "unitLimit" in request.data else {}
        return resume_backfill(backfill=backfill, actor=key_user(request).actor, changes=changes)


class BackfillCancelView(_ActView):
    """`POST /api/backfills/{id}/cancel`: end it and the runs that nobody has begun."""

    def act(self, request: Request, backfill: Backfill) -> Backfill:
        return cancel_backfill(backfill=backfill, actor=key_user(request).actor)


class BackfillRetryView(_ActView):
    """`POST /api/backfills/{id}/retry`: try the runs again that have failed so far."""

    def act(self, request: Request, backfill: Backfill) -> Backfill:
        return retry_failed(backfill=backfill, actor=key_user(request).actor)


def _find(request: Request, backfill_id: str) -> Backfill:
    """The account's backfill. Raises NotFound alike for ids that are malformed, unknown or somebody else's (REL A4)."""
    mine = Backfill.objects.of_account(key_user(request).account).select_related("account")
    found = mine.filter(backfill_id=backfill_id).first() if is_object_id(backfill_id) else None
    if found is None:
        raise NotFound(NO_BACKFILL)
    return found


def _require_known(body: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(set(body) - known):
        name = unknown[0][:60]
        raise BadInput(f"{name} is not a member of this body; known are {', '.join(sorted(known))}.", field=name)


def _required(body: Mapping[str, Any], name: str) -> Any:
    if name not in body:
        raise BadInput(f"{name} is required; an empty object means all files.", field=name)
    return body[name]


def _flag(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise BadInput(f"{name} must be true or false.", field=name)
    return value


def _limit(body: Mapping[str, Any]) -> int | None:
    value = body.get("unitLimit")
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise BadInput("unitLimit must be a whole number, or null for none.", field="unitLimit")
    check_limit(value)
    return value
