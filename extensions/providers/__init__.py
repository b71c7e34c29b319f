"""Suppliers of extensions, one file each, over the contract in `base.py`."""
