"""Tests of saved extensions and of resolving references."""
