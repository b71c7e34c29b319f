"""The extensions' share of the admin: one module per page. Django's autodiscovery imports this module."""

from extensions.admin import (
    asset,
    endpoints,
    files,
    place,
    previews,
    providers,
    runs,
    saved,
    selection,
    units,
    upload,
    webhooks,
)

__all__ = [
    "asset",
    "endpoints",
    "files",
    "place",
    "previews",
    "providers",
    "runs",
    "saved",
    "selection",
    "units",
    "upload",
    "webhooks",
]
