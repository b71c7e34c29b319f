"""The library's share of the admin. Django's autodiscovery imports this module; each page registers itself."""

from library.admin import accounts, audit, folders, keys, members, metadata_fields

__all__ = ["accounts", "audit", "folders", "keys", "members", "metadata_fields"]
