"""The extensions' share of the admin: one module per page. Django's autodiscovery imports this module."""

from extensions.admin import asset, endpoints, files, previews, providers, runs, saved, units, upload, webhooks

__all__ = ["asset", "endpoints", "files", "previews", "providers", "runs", "saved", "units", "upload", "webhooks"]
