"""The extensions app: work done on assets by providers, paid in units, announced by webhooks."""

from django.apps import AppConfig


class ExtensionsConfig(AppConfig):
    name = "extensions"
    verbose_name = "Extensions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from extensions import checks, receivers  # noqa: F401
        from extensions.backfills.working import one_stretch
        from library.tasks import also_work_on

        receivers.connect()
        also_work_on("backfills", one_stretch)
