"""Bulk jobs on folder trees: asked for in `requests`, claimed and ended in `leases`, worked step by step in `steps`."""
