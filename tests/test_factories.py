"""Every model has a factory, and every factory makes a valid row."""

import inspect

import pytest
from django.apps import apps

from tests import factories

FACTORIES = [
    value
    for value in vars(factories).values()
    if inspect.isclass(value) and value.__module__ == factories.__name__ and hasattr(value, "_meta")
]


@pytest.mark.django_db
@pytest.mark.parametrize("factory_class", FACTORIES, ids=lambda value: value.__name__)
def test_factory_makes_a_row_that_the_database_accepts(factory_class):
    row = factory_class()
    assert row.pk is not None
    type(row).objects.get(pk=row.pk)


def test_every_model_of_ours_has_a_factory():
    models = {model for app in ("library", "extensions") for model in apps.get_app_config(app).get_models()}
    assert models <= {factory_class._meta.model for factory_class in FACTORIES}
