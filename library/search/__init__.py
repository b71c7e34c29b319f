"""Search expressions (API 3.4): `parse` reads one, `compile` makes conditions of it, `relevance` orders what is found.

`library.api.listing` and, through it, the extensions' bulk work use it. `docs/search.md` is the user's page.
"""
