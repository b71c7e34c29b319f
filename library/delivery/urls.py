"""Delivery URLs, included under `/media/`."""

from django.urls import URLPattern, path

from library.delivery.views import media

urlpatterns: list[URLPattern] = [
    path("<slug:slug>/<path:path>", media, name="media"),
]
