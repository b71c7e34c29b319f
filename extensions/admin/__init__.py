"""The extensions' share of the admin: one module per page. Django's autodiscovery imports this module."""

from extensions.admin import (
    asset,
    backfills,
    endpoints,
    files,
    place,
    previews,
    providers,
    review,
    runs,
    saved,
    selection,
    units,
    upload,
    webhooks,
)

__all__ = [
    "asset",
    "backfills",
    "endpoints",
    "files",
    "place",
    "previews",
    "providers",
    "review",
    "runs",
    "saved",
    "selection",
    "units",
    "upload",
    "webhooks",
]
