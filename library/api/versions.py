"""The versions of a file: list, show, delete, restore (API 3.7)."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from library import wire
from library.api.auth import key_user
from library.api.files import find_asset
from library.identifiers import is_object_id
from library.models import Account, Asset, AssetVersion
from library.services.versions import NO_FILE, delete_version, restore_version
from mediahub.lib.clock import now as clock_now
from mediahub.lib.errors import NotFound


class VersionListView(APIView):
    """`GET .../versions`: the current version first, then the others, newest first."""

    resource_group = "media"

    def get(self, request: Request, file_id: str) -> Response:
        asset = find_asset(key_user(request).account, file_id)
        versions = asset.versions.select_related("embedded").order_by("-number")
        others = [version for version in versions if version.pk != asset.current_version_id]
        return Response([wire.file_object(asset), *(wire.file_object(asset, version) for version in others)])


class VersionView(APIView):
    """`GET` and `DELETE .../versions/{versionId}`."""

    resource_group = "media"

    def get(self, request: Request, file_id: str, version_id: str) -> Response:
        asset, version = _find(key_user(request).account, file_id, version_id)
        return Response(wire.file_object(asset, version))

    def delete(self, request: Request, file_id: str, version_id: str) -> Response:
        asset, version = _find(key_user(request).account, file_id, version_id)
        delete_version(asset=asset, version=version)
        return Response(status=204)


class VersionRestoreView(APIView):
    """`PUT .../versions/{versionId}/restore`: make it the current one."""

    resource_group = "media"

    def put(self, request: Request, file_id: str, version_id: str) -> Response:
        account = key_user(request).account
        asset, version = _find(account, file_id, version_id)
        restore_version(asset=asset, version=version, now=clock_now())
        return Response(wire.file_object(find_asset(account, file_id)))


def _find(account: Account, file_id: str, version_id: str) -> tuple[Asset, AssetVersion]:
    asset = find_asset(account, file_id)
    versions = asset.versions.select_related("embedded")
    version = versions.filter(version_id=version_id).first() if is_object_id(version_id) else None
    if version is None:
        raise NotFound(NO_FILE)
    return asset, version
