"""Tells Django which admin site is the project's. INSTALLED_APPS names it in place of `django.contrib.admin`."""

from django.contrib.admin.apps import AdminConfig


class MediaHubAdminConfig(AdminConfig):
    default_site = "library.adminsite.MediaHubAdminSite"
