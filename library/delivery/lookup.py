"""From a delivery URL to the version it names, with permission settled; `library.delivery.views` calls `find`.

Whatever is not to be seen looks the same as what does not exist. Paths come from anyone, so nothing of them reaches
the file system: names are looked up in the database only (REL B27).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, quote, unquote

from django.db.models import Q
from django.http import HttpRequest

from library import wire
from library.identifiers import is_object_id
from library.models import Account, ApiKey, Asset, AssetVersion
from library.renditions import ALIASES, SPECS, NoRendition
from library.signing import delivery_signature_is_valid
from mediahub.lib.clock import now as clock_now
from mediahub.lib.errors import DomainError, NotFound

MAX_PATH = 4096 + 256
_NAMED = re.compile(r"n-([A-Za-z0-9_-]{1,60})\Z")
_OF_A_VIDEO = re.compile(
    r"ik-(?:thumbnail\.\w{3,4}|video\.\w{3,4}|gif-video\.\w{3,4}|master\.(?:m3u8|mpd))\Z", re.ASCII
)
_BAD_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_SIGNATURE_PARAMETERS = ("ik-t=", "ik-s=")


class VideoNotImplemented(DomainError):
    """A rendition of a video was asked for. Videos are stored and served as they are."""

    code = "not_implemented"
    status = 501


class SignatureRefused(DomainError):
    """A private file was asked for without a valid signature; which of the reasons is not said (REL S5)."""

    code = "signature_refused"
    status = 401


@dataclass(frozen=True)
class Found:
    """What a URL names. spec: a key of SPECS for a derived image, None for the original.

    immutable: the URL changes whenever the content does. attachment: the client asked for a download.
    """

    asset: Asset
    version: AssetVersion
    spec: str | None
    immutable: bool
    attachment: bool


def find(request: HttpRequest, *, slug: str, path: str) -> Found:
    """Resolve `/media/<slug>/<path>`. Raises NotFound, SignatureRefused, NoRendition, VideoNotImplemented."""
    query = _query(request)
    spec, asset_path = split_transformation(path, query.get("tr"))
    asset = _asset(slug, asset_path)
    version = _version(asset, query.get("ik-obj-version"))
    if asset.is_private:
        _require_signature(request, asset.account, path=path, query=query)
    return Found(
        asset=asset,
        version=version,
        spec=spec,
        immutable=_names_bytes(asset, version, query),
        attachment=query.get("ik-attachment") == "true",
    )


def _query(request: HttpRequest) -> dict[str, str]:
    try:
        return dict(parse_qsl(request.META.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=100))
    except ValueError as error:
        raise DomainError("The URL has too many parameters.") from error


def split_transformation(path: str, query_value: str | None) -> tuple[str | None, str]:
    """The named transformation, from a first segment `tr:n-<name>` or from `?tr=n-<name>`, and the rest of the path.

    Raises NoRendition for every transformation that is not one of our named ones.
    """
    value = query_value
    if path.startswith("tr:"):
        segment, _, path = path.partition("/")
        value = segment.removeprefix("tr:")
    if not value:
        return None, path
    match = _NAMED.match(value)
    name = ALIASES.get(match[1], match[1]) if match else ""
    if name not in SPECS:
        raise NoRendition("This transformation is not supported.")
    return name, path


def _asset(slug: str, path: str) -> Asset:
    path = unicodedata.normalize("NFC", path)
    segments = path.split("/")
    if len(path) > MAX_PATH or _BAD_CHARACTERS.search(path) or any(part in ("", ".", "..") for part in segments):
        raise NotFound("The requested file does not exist.")
    asset = (
        Asset.objects.select_related("account", "folder", "current_version")
        .filter(account__slug=slug, account__disabled_at=None)
        .filter(folder__path="/" + "/".join(segments[:-1]), name=segments[-1])
        .first()
    )
    if asset is None and _OF_A_VIDEO.match(segments[-1]):
        raise VideoNotImplemented("Videos are served as they are; this server makes no thumbnails or streams of them.")
    if asset is None:
        raise NotFound("The requested file does not exist.")
    return asset


def _version(asset: Asset, version_id: str | None) -> AssetVersion:
    version = asset.current_version
    if version_id and (version is None or version_id != version.version_id):
        known = asset.versions.filter(version_id=version_id) if is_object_id(version_id) else asset.versions.none()
        version = known.first()
    if version is None or not version.is_published:
        raise NotFound("The requested file does not exist.")
    return version


def _names_bytes(asset: Asset, version: AssetVersion, query: dict[str, str]) -> bool:
    """Whether the URL says which bytes it means: by the version's id, or by the very time that its object shows.

    Any other value is anyone's invention, and what a cache kept under it for a year would hide every change.
    """
    if query.get("ik-obj-version") == version.version_id:
        return True
    is_current = version.pk == asset.current_version_id
    return query.get("updatedAt") == str(wire.milliseconds(asset.updated_at if is_current else version.created_at))


def _require_signature(request: HttpRequest, account: Account, *, path: str, query: dict[str, str]) -> None:
    now = clock_now()
    allowed = delivery_signature_is_valid(
        _signing_keys(account, now),
        _spellings(request, path),
        signature=query.get("ik-s", ""),
        expire=query.get("ik-t", ""),
        now=now,
    )
    if not allowed:
        raise SignatureRefused("This file is private; its URL needs a valid signature.")


def _signing_keys(account: Account, now: datetime) -> list[str]:
    """Private keys that may sign: a restricted key does not widen its rights by signing (REL A3)."""
    keys = ApiKey.objects.filter(account=account, disabled_at=None).filter(Q(expires_at=None) | Q(expires_at__gt=now))
    return [key.private_key for key in keys if key.allows("media", "read")]


def _spellings(request: HttpRequest, path: str) -> Iterator[str]:
    """The path and query as the client may have signed them: as sent, decoded, or with everything encoded.

    Clients sign the text of the URL they built, which an HTTP library may have encoded on its way here. Decoding must
    not change what the query asks for: `tr%3Dx` is one odd parameter, and no `tr`.
    """
    raw = request.META.get("REQUEST_URI") or request.META.get("RAW_URI") or ""
    sent = "/".join(raw.partition("?")[0].split("/")[-1 - path.count("/") :])
    sent_query = "&".join(
        part
        for part in request.META.get("QUERY_STRING", "").split("&")
        if part and not part.startswith(_SIGNATURE_PARAMETERS)
    )
    decoded = unquote(sent_query)
    queries = [sent_query, decoded] if _parameters(decoded) == _parameters(sent_query) else [sent_query]
    paths = dict.fromkeys(text for text in (sent, path, quote(path, safe="/:,@")) if text and unquote(text) == path)
    for text in paths:
        for query in dict.fromkeys(queries):
            yield f"{text}?{query}" if query else text


def _parameters(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)
