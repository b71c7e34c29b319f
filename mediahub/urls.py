"""The site map: the API on both URL families of ImageKit, delivery under /media/, and the admin."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("", include("extensions.api.urls")),
    path("", include("library.api.urls")),
    path("media/", include("library.delivery.urls")),
    path("admin/", admin.site.urls),
]
