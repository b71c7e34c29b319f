"""`POST /api/estimates`: what extensions on files, named by id or chosen by filter, would cost. Writes nothing.

Body: `fileIds` or `filter`, and `extensions` as in an upload. The filter has the members of `GET /v1/files` that choose
files: path, name, tags, fileType, type and searchQuery.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extensions.catalog import parse_blocks
from extensions.filters import clean_filter, files_chosen
from extensions.saved.resolving import resolve_blocks
from extensions.units.estimates import estimate
from extensions.units.wire import estimate_object
from library.api.auth import key_user
from library.api.serializers import BadInput
from library.models import Asset
from mediahub.lib import clock
from mediahub.lib.api import error_body

MOST_IDS = 1000
MEMBERS = frozenset({"fileIds", "filter", "extensions"})


class EstimateView(APIView):
    """Runs and units before anything is asked for. Unknown ids are a 404 that lists them."""

    resource_group = "media"
    required_right = "read"

    def post(self, request: Request) -> Response:
        account, body = key_user(request).account, request.data
        if unknown := sorted(set(body) - MEMBERS):
            raise BadInput(f"{unknown[0][:60]} is not a member of an estimate's body.", field=unknown[0][:60])
        blocks = resolve_blocks(account, parse_blocks(body.get("extensions"), both_spellings=True))
        names = [block.name for block in blocks]
        if not names:
            raise BadInput("extensions must name at least one extension.", field="extensions")
        if ("fileIds" in body) == ("filter" in body):
            raise BadInput("Send either fileIds or filter, and not both.", field="fileIds")
        if "filter" in body:
            assets: QuerySet[Asset] = files_chosen(account, clean_filter(body["filter"]))
        else:
            ids = _ids(body["fileIds"])
            assets = Asset.objects.of_account(account).filter(file_id__in=ids)
            if missing := _missing(assets, ids):
                message = "The requested file(s) does not exist."
                return Response(error_body(message, missingFileIds=missing), status=404)
        return Response(estimate_object(estimate(account=account, assets=assets, names=names, now=clock.now())))


def _ids(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadInput("fileIds must be an array of texts.", field="fileIds")
    if not 1 <= len(value) <= MOST_IDS:
        raise BadInput(f"fileIds must have 1 to {MOST_IDS} items.", field="fileIds")
    return list(dict.fromkeys(value))


def _missing(assets: QuerySet[Asset], ids: list[str]) -> list[str]:
    """Those of the ids that name no file of the account, malformed ones among them; other accounts' look the same."""
    found = set(assets.values_list("file_id", flat=True))
    return [item[:100] for item in ids if item not in found]
