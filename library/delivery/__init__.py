"""Serving originals and thumbnails under `/media/<account slug>/`."""
