"""Saved extensions: `/v1/saved-extensions` (API 3.11).

Restricted keys need the resource group `extensions`: read to see configurations, write to change them. Using one in
an upload or update takes the right to do that, as any other extension does.
"""

from __future__ import annotations

import re

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extensions.models import SavedExtension
from extensions.saved.services import (
    NO_SAVED_EXTENSION,
    BadSavedExtension,
    create_saved,
    delete_saved,
    update_saved,
)
from library.api.auth import KeyUser, key_user
from library.wire import Json, iso
from mediahub.lib.clock import now as clock_now
from mediahub.lib.errors import NotFound

MEMBERS = ("name", "description", "config")
_SAVED_ID = re.compile(r"ext_[A-Za-z0-9]{1,40}\Z")


class SavedExtensionListView(APIView):
    """`GET` all of an account's saved extensions by name, `POST` a new one."""

    resource_group = "extensions"

    def get(self, request: Request) -> Response:
        saved = SavedExtension.objects.of_account(key_user(request).account)
        return Response([saved_object(item) for item in saved])

    def post(self, request: Request) -> Response:
        user, given = key_user(request), {name: request.data.get(name) for name in MEMBERS}
        saved = create_saved(account=user.account, actor=user.actor, now=clock_now(), **given)
        return Response(saved_object(saved), status=201)


class SavedExtensionView(APIView):
    """`GET`, `PATCH` and `DELETE` one."""

    resource_group = "extensions"

    def get(self, request: Request, saved_id: str) -> Response:
        return Response(saved_object(_find(key_user(request), saved_id)))

    def patch(self, request: Request, saved_id: str) -> Response:
        user = key_user(request)
        changes = {name: request.data[name] for name in MEMBERS if name in request.data}
        saved = update_saved(saved=_find(user, saved_id), changes=changes, actor=user.actor, now=clock_now())
        return Response(saved_object(saved))

    def delete(self, request: Request, saved_id: str) -> Response:
        user = key_user(request)
        delete_saved(saved=_find(user, saved_id), actor=user.actor)
        return Response(status=204)


def saved_object(saved: SavedExtension) -> Json:
    """A saved extension as clients see it."""
    return {
        "id": saved.saved_id,
        "name": saved.name,
        "description": saved.description,
        "config": saved.config,
        "createdAt": iso(saved.created_at),
        "updatedAt": iso(saved.updated_at),
    }


def _find(user: KeyUser, saved_id: str) -> SavedExtension:
    """The account's saved extension. An id that cannot be one is a 400, one of another account a 404 (API 3.11)."""
    if not _SAVED_ID.match(saved_id):
        raise BadSavedExtension("Invalid saved extension ID.", field="id")
    found = SavedExtension.objects.of_account(user.account).select_related("account").filter(saved_id=saved_id).first()
    if found is None:
        raise NotFound(NO_SAVED_EXTENSION)
    return found
