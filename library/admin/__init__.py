"""The library's share of the admin. Django's autodiscovery imports this module; each page registers itself."""
