"""What the library does about its own signals: a new version's thumbnail is asked for in the same transaction.

So the first visitor rarely has to wait. `LibraryConfig.ready` connects it.
"""

from __future__ import annotations

from typing import Any

from library.models import AssetVersion
from library.renditions import THUMBNAIL, ask_for_rendition, can_be_rendered
from library.signals import asset_uploaded, version_added


def connect() -> None:
    """Listen to both signals that announce a version; connecting again changes nothing."""
    for signal in (asset_uploaded, version_added):
        signal.connect(request_thumbnail, dispatch_uid="library.request_thumbnail")


def request_thumbnail(*, version: AssetVersion, **_: Any) -> None:
    """Ask for the thumbnail of a version that can have one."""
    if can_be_rendered(version):
        ask_for_rendition(version=version, spec=THUMBNAIL, now=version.created_at)
