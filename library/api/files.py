"""`GET /v1/files`, and one file: details and deletion (API 3.3, 3.5, 3.6).

`FileDetailsView` is what the extensions add PATCH to; theirs is the one that the site map routes to.
"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from library import wire
from library.api.auth import key_user
from library.api.listing import list_objects
from library.api.serializers import parse_list_query
from library.identifiers import is_object_id
from library.models import Account, Asset
from library.services.assets import delete_asset
from library.services.versions import NO_FILE
from mediahub.lib.errors import NotFound


class FileListView(APIView):
    """`GET /v1/files`: an array of files, versions or folders."""

    resource_group = "media"

    def get(self, request: Request) -> Response:
        return Response(list_objects(key_user(request).account, parse_list_query(request.query_params.dict())))


class FileView(APIView):
    """`DELETE /v1/files/{fileId}`: the file with all its versions."""

    resource_group = "media"

    def delete(self, request: Request, file_id: str) -> Response:
        delete_asset(asset=find_asset(key_user(request).account, file_id))
        return Response(status=204)


class FileDetailsView(APIView):
    """`GET /v1/files/{fileId}/details`: the File object of the current version."""

    resource_group = "media"

    def get(self, request: Request, file_id: str) -> Response:
        return Response(wire.file_object(find_asset(key_user(request).account, file_id)))


def find_asset(account: Account, file_id: str) -> Asset:
    """The account's asset with everything the wire shows. Raises NotFound alike for ids that are malformed, unknown or
    somebody else's (REL A4, B26)."""
    assets = Asset.objects.of_account(account).with_details()
    asset = assets.filter(file_id=file_id).first() if is_object_id(file_id) else None
    if asset is None:
        raise NotFound(NO_FILE)
    return asset
