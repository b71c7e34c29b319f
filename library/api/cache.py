"""Purge requests (API 3.9). They are fulfilled at once, since no CDN stands before this server."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from library.api.auth import key_user
from library.api.serializers import BadInput
from library.identifiers import is_object_id
from library.models import PurgeRequest
from library.services.purges import request_purge
from mediahub.lib.clock import now as clock_now


class PurgeView(APIView):
    """`POST /v1/files/purge`: 201 with the id of the request."""

    resource_group = "cache"

    def post(self, request: Request) -> Response:
        url = request.data.get("url")
        if not isinstance(url, str) or not url:
            raise BadInput("url must be the URL of a file of this account.", field="url")
        purge = request_purge(account=key_user(request).account, url=url, now=clock_now())
        return Response({"requestId": purge.request_id}, status=201)


class PurgeStatusView(APIView):
    """`GET /v1/files/purge/{requestId}`; an unknown id is a 400 (API 3.9)."""

    resource_group = "cache"

    def get(self, request: Request, request_id: str) -> Response:
        mine = PurgeRequest.objects.filter(account=key_user(request).account, request_id=request_id)
        if not is_object_id(request_id) or not mine.exists():
            raise BadInput("No such purge request exists.", field="requestId")
        return Response({"status": "Completed"})
