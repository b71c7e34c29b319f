"""`/api/ai-tags`: machine tags waiting for people, and their review, one by one or many at once. Ours alone.

ImageKit has no such addresses; the page Review calls the same services.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Count
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from library import wire
from library.api.auth import key_user
from library.api.serializers import BadInput
from library.api.tag_filters import in_words, page_bounds, parse_tag_filter, parse_tag_object, tags_chosen
from library.models import AITag
from library.services.reviews import MOST_IDS, Reviewed, review_matching, review_tags

MOST_NAMES = 100
_KEY = re.compile(r"\d{1,18}\Z", re.ASCII)


class AITagListView(APIView):
    """`GET /api/ai-tags`: an array, newest files first, each file's surest tags first; suggested ones unless asked."""

    resource_group = "media"

    def get(self, request: Request) -> Response:
        given = request.query_params.dict()
        limit, skip = page_bounds(given)
        tags = tags_chosen(key_user(request).account, parse_tag_filter(given))
        rows = tags.select_related("asset__folder").order_by("-asset", "-confidence", "pk")[skip : skip + limit]
        return Response([tag_object(tag) for tag in rows])


class AITagCountsView(APIView):
    """`GET /api/ai-tags/counts`: how many tags the filter chooses, and the commonest names among them."""

    resource_group = "media"

    def get(self, request: Request) -> Response:
        tags = tags_chosen(key_user(request).account, parse_tag_filter(request.query_params.dict())).order_by()
        names = tags.values_list("name").annotate(count=Count("pk")).order_by("-count", "name")[:MOST_NAMES]
        total = tags.aggregate(tags=Count("pk"), files=Count("asset", distinct=True))
        return Response({**total, "names": [{"name": name, "count": count} for name, count in names]})


class AITagReviewView(APIView):
    """`POST /api/ai-tags/review`: give `state` to the tags with `ids`, all or none, or to those of a `filter`."""

    resource_group = "media"

    def post(self, request: Request) -> Response:
        account, body = key_user(request).account, request.data
        if unknown := sorted(set(body) - {"state", "ids", "filter"}):
            raise BadInput(f"{unknown[0][:60]} is not a member of a review's body.", field=unknown[0][:60])
        state = _state(body)
        if ("ids" in body) == ("filter" in body):
            raise BadInput("Send either ids or filter, and not both.", field="ids")
        if "ids" in body:
            done, left = review_tags(account=account, ids=_ids(body["ids"]), state=state), 0
        else:
            wanted = parse_tag_object(body["filter"])
            done, left = review_matching(
                account=account,
                tags=tags_chosen(account, wanted),
                state=state,
                chosen=in_words(wanted),
                actor=key_user(request).actor,
            )
        return Response({"reviewed": [_reviewed_object(one) for one in done], "left": left})


def tag_object(tag: AITag) -> dict[str, Any]:
    """A machine tag with the file that it is on."""
    return {
        "id": str(tag.pk),
        "name": tag.name,
        "confidence": float(tag.confidence),
        "state": tag.state,
        "source": tag.source,
        "provider": tag.provider,
        "model": tag.model or None,
        "runId": str(tag.run_id) if tag.run_id else None,
        "fileId": tag.asset.file_id,
        "filePath": tag.asset.path,
        "createdAt": wire.iso(tag.created_at),
    }


def _reviewed_object(one: Reviewed) -> dict[str, Any]:
    return {
        "id": str(one.tag.pk),
        "fileId": one.tag.asset.file_id,
        "name": one.tag.name,
        "source": one.tag.source,
        "previousState": one.was,
        "state": one.tag.state,
    }


def _state(body: Mapping[str, Any]) -> AITag.State:
    value = body.get("state")
    if not isinstance(value, str) or value not in AITag.State.values:
        raise BadInput(f"state is required and must be one of {', '.join(AITag.State.values)}.", field="state")
    return AITag.State(value)


def _ids(value: Any) -> list[int]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_IDS:
        raise BadInput(f"ids must be an array of 1 to {MOST_IDS} ids.", field="ids")
    for index, item in enumerate(value):
        if not isinstance(item, str) or not _KEY.match(item):
            raise BadInput(f"ids[{index}] must be the id of an AI tag, as the list gives it.", field=f"ids[{index}]")
    return [int(item) for item in value]
