"""Tags: words that people gave, and words that machines found, with who found them and how sure they were."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from library.models.asset import Asset
from library.querysets import AITagQuerySet, TagQuerySet, remember_words


class Tag(models.Model):
    """A human tag. Rows keep the order in which they were given."""

    # Its constraint's index serves look-ups by asset as well.
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="tags", db_index=False)
    name = models.CharField(max_length=500)

    objects = TagQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["asset", "name"], name="one_tag_per_name"),
            models.CheckConstraint(condition=~Q(name=""), name="tag_not_empty"),
        ]
        indexes: ClassVar = [models.Index(fields=["name", "asset"], name="tag_by_name_asset")]
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save it, and the words of its name for the search."""
        super().save(*args, **kwargs)
        remember_words([self.name])


class AITag(models.Model):
    """A machine tag: suggested -> accepted | rejected by a person. Rejected ones are kept so they do not come back."""

    class State(models.TextChoices):
        SUGGESTED = "suggested", "suggested"
        ACCEPTED = "accepted", "accepted"
        REJECTED = "rejected", "rejected"

    VISIBLE = frozenset({State.SUGGESTED, State.ACCEPTED})

    # Its constraint's index serves look-ups by asset as well.
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="ai_tags", db_index=False)
    name = models.CharField(max_length=200)
    confidence = models.DecimalField(max_digits=5, decimal_places=2, help_text="Per cent.")
    source = models.CharField(max_length=40, help_text="Name of the extension.")
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=80, blank=True)
    run_id = models.UUIDField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.SUGGESTED)
    created_at = models.DateTimeField()

    objects = AITagQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["asset", "source", "name"], name="one_ai_tag_per_source_and_name"),
            models.CheckConstraint(condition=Q(confidence__gte=0, confidence__lte=100), name="ai_tag_confidence"),
            models.CheckConstraint(
                condition=Q(state__in=["suggested", "accepted", "rejected"]), name="ai_tag_known_state"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["name", "state", "asset"], name="ai_tag_by_name_state")]
        ordering: ClassVar = ["-confidence", "id"]
        verbose_name = "AI tag"

    def __str__(self) -> str:
        return f"{self.name} ({self.confidence} %, {self.source})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save it, and the words of its name for the search."""
        super().save(*args, **kwargs)
        remember_words([self.name])
