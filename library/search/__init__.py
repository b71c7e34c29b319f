"""Search expressions (API 3.4): `parse` reads one, `compile` makes conditions of it, `pages` lists what it finds.

`library.api` and, through `files_matching`, the extensions' bulk work use it. `docs/search.md` is the user's page.
"""
