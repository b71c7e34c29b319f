"""Tokens of client-side uploads that have been used: each is good for one request (REL A6, API 1.3, 1.4)."""

from typing import ClassVar

from django.db import models

from library.models.account import ApiKey


class SpentToken(models.Model):
    """One token that a key's owner signed and a client used. `digest` is SHA-256 of what makes it itself.

    Written before the upload is looked at and never taken back; forgotten some time after the token has expired.
    """

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["api_key", "digest"], name="token_spent_once")]

    def __str__(self) -> str:
        return f"token of {self.api_key_id} until {self.expires_at:%Y-%m-%d %H:%M:%S}"
