"""`/api/runs`: the account's runs, one of them, cancel and retry. Ours alone: ImageKit's API has no such addresses."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extensions.models import ExtensionRun
from extensions.runs.selecting import parse_filter, select
from extensions.runs.services import cancel_run, retry_run
from extensions.runs.wire import run_object
from library.api.auth import key_user
from mediahub.lib.errors import NotFound


class RunListView(APIView):
    """`GET /api/runs`: an array, newest first."""

    resource_group = "media"

    def get(self, request: Request) -> Response:
        mine = ExtensionRun.objects.of_account(key_user(request).account)
        return Response([run_object(run) for run in select(mine, parse_filter(request.query_params.dict()))])


class RunView(APIView):
    """`GET /api/runs/{id}`."""

    resource_group = "media"

    def get(self, request: Request, run_id: str) -> Response:
        return Response(run_object(_find(request, run_id)))


class RunCancelView(APIView):
    """`POST /api/runs/{id}/cancel`: end an open run and give its units back; 409 if it is over."""

    resource_group = "media"

    def post(self, request: Request, run_id: str) -> Response:
        return Response(run_object(cancel_run(run=_find(request, run_id), actor=key_user(request).actor)))


class RunRetryView(APIView):
    """`POST /api/runs/{id}/retry`: the same work again as a new run, which is answered; 409 if it is still open."""

    resource_group = "media"

    def post(self, request: Request, run_id: str) -> Response:
        return Response(run_object(retry_run(run=_find(request, run_id), actor=key_user(request).actor)), status=201)


def _find(request: Request, run_id: str) -> ExtensionRun:
    """The account's run. Raises NotFound alike for ids that are malformed, unknown or somebody else's (REL A4)."""
    try:
        key = UUID(run_id)
    except ValueError:
        key = None
    mine = ExtensionRun.objects.of_account(key_user(request).account).select_related("account")
    run = mine.filter(pk=key).first() if key and str(key) == run_id.lower() else None
    if run is None:
        raise NotFound("The requested run does not exist.")
    return run
