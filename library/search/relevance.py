"""How well a file answers the HAS clauses of an expression, for `sort=DESC_RELEVANCE`. `library.api.listing` asks.

Whole words count more than starts of words, and a short name more than a long one that has the same words.
"""

from __future__ import annotations

from django.db.models import Case, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Length

from library.search.nodes import Expr, clauses_of
from library.search.sets import search_words

_WORTH_OF_A_WORD = 10_000
"""More than a name has characters, so that one more word counts more than any length."""


def score(expr: Expr | None) -> Combinable | None:
    """A number that is greater for more relevant files; None where the expression has nothing to go by."""
    clauses = [] if expr is None else list(clauses_of(expr))
    texts = [str(clause.values[0]) for clause in clauses if clause.op == "HAS" and clause.field in ("name", "tags")]
    words = dict.fromkeys(word for text in texts for word, _ in search_words(text))
    if not words:
        return None
    total: Combinable = Value(0) - Length("name_words", output_field=IntegerField())
    for word in words:
        whole = When(Q(name_words__contains=f" {word} "), then=Value(2 * _WORTH_OF_A_WORD))
        start = When(Q(name_words__contains=f" {word}"), then=Value(_WORTH_OF_A_WORD))
        total = total + Case(whole, start, default=Value(0), output_field=IntegerField())
    return total
