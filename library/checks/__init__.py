"""The `checks` of an upload (API 2.5): an expression about the file and the request that must hold for it to be stored.

`parse` reads one, `evaluate` says whether it holds; both are pure, and the grammar is the search's.
"""
