"""What the library announces. `extensions/receivers.py` listens; senders call `send` inside the transaction.

asset_uploaded(asset, version): a new asset or a new version of one was written by an upload.
version_added(asset, version): a version came from elsewhere than an upload (an extension, a copy).
asset_updated(asset): details of an asset were changed.
asset_deleting(asset): the asset and its versions are about to be deleted, in this transaction.
"""

from django.dispatch import Signal

asset_uploaded = Signal()
version_added = Signal()
asset_updated = Signal()
asset_deleting = Signal()
