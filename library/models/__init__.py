"""The library's nouns. Import models from here."""

from library.models.account import Account, ApiKey, AuditEntry, Membership
from library.models.asset import Asset, AssetVersion
from library.models.folder import Folder
from library.models.jobs import BulkJob, PurgeRequest
from library.models.metadata import CustomMetadataField
from library.models.receipt import UploadReceipt, UploadUnderWay
from library.models.rendition import Rendition
from library.models.search import EmbeddedKeyword, EmbeddedMetadata, NameWord, TagWord
from library.models.spent_token import SpentToken
from library.models.tags import AITag, Tag

__all__ = [
    "AITag",
    "Account",
    "ApiKey",
    "Asset",
    "AssetVersion",
    "AuditEntry",
    "BulkJob",
    "CustomMetadataField",
    "EmbeddedKeyword",
    "EmbeddedMetadata",
    "Folder",
    "Membership",
    "NameWord",
    "PurgeRequest",
    "Rendition",
    "SpentToken",
    "Tag",
    "TagWord",
    "UploadReceipt",
    "UploadUnderWay",
]
