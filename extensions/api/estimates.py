"""`POST /api/estimates`: what extensions on files, named by id or chosen by filter, would cost. Writes nothing.

Body: `fileIds` or `filter`, and `extensions` as in an upload. The filter has the members of `GET /v1/files` that choose
files: path, searchQuery, name, tags, fileType and type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extensions.catalog import parse_blocks
from extensions.saved.resolving import resolve_blocks
from extensions.units.estimates import Estimate, estimate
from library.api.auth import key_user
from library.api.listing import files_matching
from library.api.serializers import BadInput, parse_list_query
from library.models import Account, Asset
from mediahub.lib import clock
from mediahub.lib.api import error_body

MOST_IDS = 1000
MOST_TAGS = 100
MEMBERS = frozenset({"fileIds", "filter", "extensions"})
FILTERS = ("path", "searchQuery", "name", "fileType", "type", "tags")


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
            assets: QuerySet[Asset] = _filtered(account, body["filter"])
        else:
            ids = _ids(body["fileIds"])
            assets = Asset.objects.of_account(account).filter(file_id__in=ids)
            if missing := _missing(assets, ids):
                message = "The requested file(s) does not exist."
                return Response(error_body(message, missingFileIds=missing), status=404)
        return Response(_shown(estimate(account=account, assets=assets, names=names, now=clock.now())))


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


def _filtered(account: Account, value: Any) -> QuerySet[Asset]:
    """The files of a filter, read by the rules of the list's query parameters. Raises BadInput."""
    if not isinstance(value, dict):
        raise BadInput("filter must be an object.", field="filter")
    if unknown := sorted(set(value) - set(FILTERS)):
        name = f"filter.{unknown[0][:60]}"
        raise BadInput(f"{name} is not a filter; known are {', '.join(FILTERS)}.", field=name)
    if value.get("type", "file") != "file":
        raise BadInput("filter.type must be file: extensions run on current versions only.", field="filter.type")
    query = parse_list_query(_as_parameters(value))
    return files_matching(account, query)


def _as_parameters(value: Mapping[str, Any]) -> dict[str, str]:
    """The filter as query parameters; tags may also come as an array."""
    given = dict(value)
    tags = given.get("tags")
    if (
        isinstance(tags, list)
        and len(tags) <= MOST_TAGS
        and all(isinstance(tag, str) and "," not in tag for tag in tags)
    ):
        given["tags"] = ",".join(tags)
    for name, text in given.items():
        if not isinstance(text, str):
            kind = f"a text, or an array of at most {MOST_TAGS} texts without commas" if name == "tags" else "a text"
            raise BadInput(f"filter.{name} must be {kind}.", field=f"filter.{name}")
    return given


def _shown(found: Estimate) -> dict[str, Any]:
    return {
        "files": found.files,
        "runs": found.runs,
        "units": found.units,
        "byExtension": [
            {"name": line.name, "runs": line.runs, "unitsEach": line.units_each, "units": line.units}
            for line in found.lines
        ],
        "skipped": [{"reason": reason, "count": count} for reason, count in sorted(found.skipped.items())],
        "available": found.available,
        "enough": found.is_enough,
    }
