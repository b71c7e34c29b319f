"""Saved extensions: stored by `services`, put in place of their references by `resolving`."""
