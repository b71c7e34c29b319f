"""Parts of ImageKit that this server does not have: each answers 501 with the error body of the API."""

from __future__ import annotations

from typing import NoReturn

from rest_framework.request import Request
from rest_framework.views import APIView

from library.api.auth import key_user
from mediahub.lib.errors import DomainError

ABSENT = {
    "v1/named-transformations": "Named transformations other than the thumbnail's",
    "v1/accounts/origins": "Origins",
    "v1/accounts/url-endpoints": "URL endpoints",
}
"""Path to what the sentence calls it."""

COLLECTION_METHODS = ("get", "post")
ITEM_METHODS = ("get", "put", "patch", "delete")


class NotImplementedHere(DomainError):
    """The operation exists in ImageKit and not here; trying again does not help."""

    code = "not_implemented"
    status = 501


class AbsentView(APIView):
    """An operation of the account that is absent. `what` names it in the sentence."""

    resource_group = "account"
    what = ""

    def get(self, request: Request, **_: str) -> NoReturn:
        key_user(request)
        raise NotImplementedHere(
            f"{self.what} are not part of this server. Files are stored, processed and served by the server itself."
        )

    post = put = patch = delete = get
