"""Backfills: asked for in `services`, fed with runs step by step in `feeding`, which `working` calls under a lease."""
