"""The WSGI application, served by waitress in the embedded set-up and by gunicorn behind a proxy."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediahub.settings")
os.environ.setdefault("MEDIAHUB_PROCESS", "web")

application = get_wsgi_application()
