"""One file copied, moved or renamed, named by its path (API 3.6)."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from library import wire
from library.api import bodies
from library.api.auth import key_user
from library.api.serializers import BadInput
from library.models import Account, Asset
from library.names import BadName, folder_and_name
from library.services.moving import copy_asset, move_asset, rename_asset
from library.services.purges import write_purge
from library.services.versions import NO_FILE
from mediahub.lib.clock import now as clock_now
from mediahub.lib.errors import NotFound


class CopyFileView(APIView):
    """`POST /v1/files/copy`: 204."""

    resource_group = "media"

    def post(self, request: Request) -> Response:
        source = bodies.required_text(request.data, "sourceFilePath")
        destination = bodies.required_text(request.data, "destinationPath")
        with_versions = bodies.flag(request.data, "includeFileVersions")
        asset = _find(key_user(request).account, source, "sourceFilePath", "SOURCE_FILE_MISSING")
        copy_asset(asset=asset, folder_path=destination, include_versions=with_versions, now=clock_now())
        return Response(status=204)


class MoveFileView(APIView):
    """`POST /v1/files/move`: 204."""

    resource_group = "media"

    def post(self, request: Request) -> Response:
        source = bodies.required_text(request.data, "sourceFilePath")
        destination = bodies.required_text(request.data, "destinationPath")
        asset = _find(key_user(request).account, source, "sourceFilePath", "SOURCE_FILE_MISSING")
        move_asset(asset=asset, folder_path=destination, now=clock_now())
        return Response(status=204)


class RenameFileView(APIView):
    """`PUT /v1/files/rename`: `{}`, or the id of a purge of the old URL if one was asked for."""

    resource_group = "media"

    def put(self, request: Request) -> Response:
        path = bodies.required_text(request.data, "filePath")
        name = bodies.required_text(request.data, "newFileName")
        purge_cache = bodies.flag(request.data, "purgeCache")
        account, now = key_user(request).account, clock_now()
        asset = _find(account, path, "filePath", "FILE_MISSING")
        old_url = wire.asset_url(asset)
        try:
            rename_asset(asset=asset, name=name, now=now)
        except BadName as error:
            raise BadInput(error.message, field="newFileName", reason="INVALID_PARAMETER") from error
        if not purge_cache:
            return Response({})
        return Response({"purgeRequestId": write_purge(account=account, url=f"{old_url}*", now=now).request_id})


def _find(account: Account, path: str, field: str, reason: str) -> Asset:
    """The account's file at a path. Raises NotFound with the operation's reason."""
    folder, name = folder_and_name(path)
    found = Asset.objects.of_account(account).in_folder(folder).filter(name=name).select_related("account", "folder")
    asset = found.first()
    if asset is None:
        raise NotFound(NO_FILE, field=field, reason=reason)
    return asset
