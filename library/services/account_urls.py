"""From a URL that an account's client knows to the path or the version that it names, for purges and metadata.

Only the account's own URLs are taken, so no look-up leaves its files. A signature is not asked for: who holds the
account's key may see all of them.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.conf import settings

from library import wire
from library.identifiers import is_object_id
from library.models import Account, Asset, AssetVersion
from mediahub.lib.errors import DomainError, NotFound

MAX_URL = 8192
_PORTS = {"http": ":80", "https": ":443"}
_BAD_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff\ufffd]")


def split_account_url(account: Account, url: str) -> tuple[str, str]:
    """The path below the account's URL, still percent-encoded, and the query. Raises DomainError for any other URL."""
    if len(url) > MAX_URL or re.search(r"[\s\\\x00]", url):
        raise DomainError("The URL is malformed.", field="url")
    try:
        parts = urlsplit(url)
        place = _place(parts)
    except ValueError as error:
        raise DomainError("The URL is malformed.", field="url") from error
    # Both are served where the delivery has a host of its own.
    for known in (wire.account_url(account), f"{settings.MEDIAHUB_PUBLIC_URL}/media/{account.slug}"):
        base = urlsplit(known + "/")
        if place == _place(base) and parts.path.startswith(base.path):
            return parts.path[len(base.path) :], parts.query
    raise DomainError("The URL is none of this account's files.", field="url")


def version_at(account: Account, url: str) -> AssetVersion:
    """The version that a file URL names, with `asset`: the current one, or that of `ik-obj-version`.

    A named transformation, a signature and `updatedAt` are passed over. Raises DomainError for a URL that is none of
    the account's, NotFound for a file that is not there.
    """
    path, query = split_account_url(account, url)
    try:
        version_id = dict(parse_qsl(query, max_num_fields=100)).get("ik-obj-version", "")
    except ValueError as error:
        raise DomainError("The URL has too many parameters.", field="url") from error
    if path.startswith("tr:"):
        path = path.partition("/")[2]
    asset = _asset(account, unicodedata.normalize("NFC", unquote(path)))
    current = asset.current_version if asset is not None else None
    if asset is None or current is None:
        raise NotFound("The requested file does not exist.")
    if version_id in ("", current.version_id):
        current.asset = asset
        return current
    version = asset.versions.filter(version_id=version_id).first() if is_object_id(version_id) else None
    if version is None:
        raise NotFound("The requested file does not exist.")
    version.asset = asset
    return version


def _asset(account: Account, path: str) -> Asset | None:
    segments = path.split("/")
    if _BAD_CHARACTERS.search(path) or any(part in ("", ".", "..") for part in segments):
        return None
    assets = Asset.objects.of_account(account).select_related("account", "folder", "current_version")
    return assets.filter(folder__path="/" + "/".join(segments[:-1]), name=segments[-1]).first()


def _place(parts: SplitResult) -> tuple[str, str]:
    """Scheme and host, so that equal places compare equal. Raises ValueError for a port that is none."""
    _ = parts.port
    return parts.scheme, parts.netloc.lower().removesuffix(_PORTS.get(parts.scheme, "-"))
