"""The library app: accounts, files, folders, versions, tags and their delivery."""

from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "library"
    verbose_name = "Library"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from library import receivers

        receivers.connect()
