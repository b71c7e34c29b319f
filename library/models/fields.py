"""Columns that follow another column of the same row."""

from __future__ import annotations

from typing import Any

from django.db import models

from library.words import spaced


class WordsField(models.TextField):  # type: ignore[type-arg]
    """The words of another field, as `library.words.spaced` writes them; set whenever a row is saved, also in bulk.

    of: name of that field. `QuerySet.update` of it must give this one as well.
    """

    def __init__(self, *, of: str = "name", **kwargs: Any) -> None:
        self.of = of
        super().__init__(**{**kwargs, "null": True, "editable": False})

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        words = spaced(getattr(model_instance, self.of))
        setattr(model_instance, self.attname, words)
        return words
