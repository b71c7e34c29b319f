"""The library's share of the admin. Django's autodiscovery imports this module; each page registers itself."""

from library.admin import accounts, audit, folders, keys, members

__all__ = ["accounts", "audit", "folders", "keys", "members"]
