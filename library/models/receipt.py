"""Receipts of uploads, so that an SDK's repeat of an answered upload gets the first one's answer (REL U15)."""

from typing import ClassVar

from django.db import models

from library.models.account import ApiKey


class UploadReceipt(models.Model):
    """One committed upload. `fingerprint` is SHA-256 over the parameters and the content's hash.

    Written in the upload's own transaction; the answer is built again from the rows it names.
    """

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    fingerprint = models.CharField(max_length=64)
    file_id = models.CharField(max_length=24)
    version_id = models.CharField(max_length=24)
    run_ids = models.JSONField(default=list)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["api_key", "fingerprint", "created_at"], name="receipt_lookup")]

    def __str__(self) -> str:
        return f"{self.file_id} at {self.created_at:%Y-%m-%d %H:%M:%S}"
