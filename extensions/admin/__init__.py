"""The extensions' share of the admin: one module per page. Django's autodiscovery imports this module."""

from extensions.admin import asset, files, place, previews, providers, runs, selection, units, upload, webhooks

__all__ = ["asset", "files", "place", "previews", "providers", "runs", "selection", "units", "upload", "webhooks"]
