"""What the search looks things up in, beside the assets' own columns: words of names and tags, embedded metadata."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from library.models.account import Account
from library.models.asset import Asset, AssetVersion
from library.words import LONGEST_WORD


class NameWord(models.Model):
    """One word of an asset's name. Triggers write these rows from `Asset.name_words`; nothing else does."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="+", db_index=False)
    word = models.CharField(max_length=LONGEST_WORD)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["account", "word", "asset"],
                name="name_word",
                opclasses=["int8_ops", "varchar_pattern_ops", "int8_ops"],
            ),
            models.Index(fields=["asset", "word"], name="word_by_asset", opclasses=["int8_ops", "varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return self.word


class TagWord(models.Model):
    """A word and a tag that has it, of any account: the vocabulary in which HAS finds names of tags.

    Rows are written when a name is first used (`library.querysets.TagQuerySet`) and stay; they say nothing about who
    has the tag.
    """

    word = models.CharField(max_length=LONGEST_WORD)
    name = models.CharField(max_length=500)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["name", "word"], name="one_word_per_tag_name")]
        indexes: ClassVar = [
            models.Index(
                fields=["word", "name"], name="tag_word", opclasses=["varchar_pattern_ops", "varchar_pattern_ops"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.word} in {self.name}"


class EmbeddedMetadata(models.Model):
    """What a version's own bytes say about it (EXIF, IPTC, XMP), flat as on the wire, with what is searched apart.

    `library.services.embedded` writes it.
    """

    version = models.OneToOneField(AssetVersion, on_delete=models.CASCADE, related_name="embedded", primary_key=True)
    data = models.JSONField(default=dict)
    taken_at = models.DateTimeField(null=True, db_index=True)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["latitude", "longitude"], name="embedded_by_place")]
        verbose_name_plural = "embedded metadata"

    def __str__(self) -> str:
        return f"embedded metadata of {self.version_id}"


class EmbeddedKeyword(models.Model):
    """One of the keywords in a version's own bytes."""

    metadata = models.ForeignKey(EmbeddedMetadata, on_delete=models.CASCADE, related_name="keywords")
    name = models.CharField(max_length=500)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["metadata", "name"], name="one_keyword_per_name")]
        indexes: ClassVar = [models.Index(fields=["name", "metadata"], name="keyword_by_name")]

    def __str__(self) -> str:
        return self.name
