"""Technical metadata of a file, by its id or by its URL (API 3.9)."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from library.api.auth import key_user
from library.api.files import find_asset
from library.api.serializers import BadInput
from library.services.account_urls import version_at
from library.services.file_metadata import describe


class FileMetadataView(APIView):
    """`GET /v1/files/{fileId}/metadata`: of the current version."""

    resource_group = "media"

    def get(self, request: Request, file_id: str) -> Response:
        asset = find_asset(key_user(request).account, file_id)
        version = asset.current_version
        assert version is not None, "an asset is shown once its first version is written"
        version.asset = asset
        return Response(describe(version))


class UrlMetadataView(APIView):
    """`GET /v1/metadata?url=`: of the file that one of the account's own URLs names."""

    resource_group = "media"

    def get(self, request: Request) -> Response:
        url = request.query_params.get("url", "")
        if not url:
            raise BadInput("url must be the URL of a file of this account.", field="url")
        return Response(describe(version_at(key_user(request).account, url)))
