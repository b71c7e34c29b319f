"""The Celery application: five queues, JSON only, no results. Workers start from here; publishing is in lib.wakeup."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediahub.settings")

app = Celery("mediahub")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["library", "extensions"])
