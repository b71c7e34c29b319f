"""What makes repeats of uploads by SDKs safe: receipts of those committed, leases of those under way (REL U15)."""

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


class UploadUnderWay(models.Model):
    """A lease on an upload that is being answered and not committed yet, so that its repeats wait in any process.

    Written for uploads that take long, renewed while they do, and removed at their end. After `due_at` whoever held it
    is dead, and the next repeat may take it: a conditional UPDATE of `token`.
    """

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    fingerprint = models.CharField(max_length=64)
    token = models.UUIDField()
    due_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["api_key", "fingerprint"], name="one_lease_for_equal_uploads")
        ]

    def __str__(self) -> str:
        return f"{self.fingerprint[:12]} until {self.due_at:%H:%M:%S}"
