"""The extensions app: work done on assets by providers, paid in units, announced by webhooks."""

from django.apps import AppConfig


class ExtensionsConfig(AppConfig):
    name = "extensions"
    verbose_name = "Extensions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from extensions import checks, receivers  # noqa: F401

        receivers.connect()
