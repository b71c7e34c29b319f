"""Many files at once: delete, add and remove tags (API 3.6). 207 if some files could not be changed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from library.api import bodies
from library.api.auth import key_user
from library.models import Account
from library.services import bulk
from library.services.bulk import MAX_DELETED, MAX_TAGGED, BulkResult
from mediahub.lib.clock import now as clock_now


class BulkDeleteView(APIView):
    """`POST /v1/files/batch/deleteByFileIds`."""

    resource_group = "media"

    def post(self, request: Request) -> Response:
        ids = bodies.file_ids(request.data, most=MAX_DELETED)
        result = bulk.delete_assets(account=key_user(request).account, file_ids=ids)
        return _answer(result, "successfullyDeletedFileIds")


class _BulkTagView(APIView, ABC):
    resource_group = "media"
    write_class = "bulk"

    def post(self, request: Request) -> Response:
        ids = bodies.file_ids(request.data, most=MAX_TAGGED)
        result = self.change(key_user(request).account, ids, request.data)
        return _answer(result, "successfullyUpdatedFileIds")

    @abstractmethod
    def change(self, account: Account, ids: list[str], body: Mapping[str, Any]) -> BulkResult:
        """What the operation does to the files with these ids."""


class AddTagsView(_BulkTagView):
    """`POST /v1/files/addTags`."""

    def change(self, account: Account, ids: list[str], body: Mapping[str, Any]) -> BulkResult:
        return bulk.add_tags(account=account, file_ids=ids, tags=bodies.tags(body), now=clock_now())


class RemoveTagsView(_BulkTagView):
    """`POST /v1/files/removeTags`."""

    def change(self, account: Account, ids: list[str], body: Mapping[str, Any]) -> BulkResult:
        return bulk.remove_tags(account=account, file_ids=ids, tags=bodies.tags(body), now=clock_now())


class RemoveAITagsView(_BulkTagView):
    """`POST /v1/files/removeAITags`."""

    def change(self, account: Account, ids: list[str], body: Mapping[str, Any]) -> BulkResult:
        return bulk.remove_ai_tags_of(account=account, file_ids=ids, names=bodies.ai_tags(body), now=clock_now())


def _answer(result: BulkResult, member: str) -> Response:
    body: dict[str, Any] = {member: result.done}
    if result.failed:
        body["errors"] = [{"fileId": file_id, "error": error} for file_id, error in result.failed]
    return Response(body, status=207 if result.failed else 200)
