"""All that exists on the delivery host: files, under the path of MEDIAHUB_DELIVERY_URL if it has one."""

from urllib.parse import urlsplit

from django.conf import settings
from django.urls import URLResolver, include, path

_PREFIX = urlsplit(settings.MEDIAHUB_DELIVERY_URL).path.strip("/")

urlpatterns: list[URLResolver] = [path(f"{_PREFIX}/" if _PREFIX else "", include("library.delivery.urls"))]
