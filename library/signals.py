"""What the library announces. `extensions/receivers.py` listens; senders call `send` inside the transaction.

asset_uploaded(asset, version): a new asset or a new version of one was written by an upload.
version_added(asset, version): a version came from elsewhere than an upload (an extension, a copy).
asset_updated(asset): details of an asset were changed.
asset_deleting(asset): the asset and its versions are about to be deleted, in this transaction.
folder_created(folder): a folder was made: asked for, implied by an upload, or by copying or moving a tree.
folder_updated(folder): a folder has a new name or path; renaming a tree sends it for each folder of the tree.
folder_deleted(account, folder_id): a folder is gone. A folder that moves loses its id: this comes with the old one,
    then `folder_created` with the new one.
"""

from django.dispatch import Signal

asset_uploaded = Signal()
version_added = Signal()
asset_updated = Signal()
asset_deleting = Signal()
folder_created = Signal()
folder_updated = Signal()
folder_deleted = Signal()
