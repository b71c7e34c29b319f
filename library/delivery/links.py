"""Links to files for this server's own pages: they also open private files, for a limited time.

The admin builds its previews with them, after it has checked that the user may see the asset.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, urlencode

from library.models import Asset, AssetVersion
from library.signing import delivery_signature, internal_key
from library.wire import url_base

SLOT_S = 3600


def page_link(asset: Asset, *, now: datetime, version: AssetVersion | None = None, spec: str | None = None) -> str:
    """The URL of an asset's version (the current one by default), original or derived image, for a page of ours.

    asset: with `account`, `folder` and `current_version` loaded. spec: a key of `renditions.SPECS`. A private file's
    URL is signed and works for one to two hours; within an hour it stays the same, so that browsers can cache it.
    """
    version = version or asset.current_version
    query = {"ik-obj-version": version.version_id} if version else {}
    if spec:
        query["tr"] = f"n-{spec}"
    path = f"{quote(asset.path.lstrip('/'))}?{urlencode(query)}"
    url = f"{url_base(asset)}/{path}"
    if not asset.is_private:
        return url
    expire = str((int(now.timestamp()) // SLOT_S + 2) * SLOT_S)
    return f"{url}&ik-t={expire}&ik-s={delivery_signature(internal_key(asset.account_id), path, expire)}"
