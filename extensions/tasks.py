"""Index of background jobs, for Celery's discovery."""

from extensions.runs.tasks import execute_images_run, execute_tagging_run
from extensions.webhooks.tasks import deliver_webhook

__all__ = ["deliver_webhook", "execute_images_run", "execute_tagging_run"]
