"""Review: machine tags that wait for people, file by file, accepted and rejected by buttons or single keys.

The keys are `static/js/review.js`, which presses the same buttons. Tags are chosen by the filters of `/api/ai-tags`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from extensions.catalog import CATALOG
from library.admin.paging import page_of
from library.adminsite import page, show, wants_part
from library.api.tag_filters import TagFilter, in_words, parse_tag_filter, tags_chosen
from library.desks import Desk, Role
from library.models import AITag, Asset
from library.services.reviews import MOST_IDS, Reviewed, review_matching, review_tags
from mediahub.lib.errors import DomainError

PAGE_SIZE = 8
NAMES_SHOWN = 12
MOST_UNDONE = 2000
FILTERS = ("state", "name", "source", "minConfidence", "path")
LAST = "last_review"
LONGEST_QUERY = 2000


@page("review/", name="review")
def review(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Files with tags of one state, newest first; htmx gets the result alone."""
    return _answer(request, desk, _given(request.GET))


@page("review/act/", name="review-act", role=Role.EDITOR, methods=("POST",))
def act(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Give a state to the tags with `ids`, or to all of a `name` that the page's filters choose."""
    given = _given(dict(parse_qsl(request.POST.get("query", "")[:LONGEST_QUERY])))
    said, is_error = "", False
    try:
        done, left = _reviewed(request.POST, desk, given)
        said = _said(done, left, request.POST.get("state", ""))
        request.session[LAST] = {"account": desk.account.slug, "undo": _undo(done)}
    except DomainError as error:
        said, is_error = error.message, True
    if wants_part(request):
        return _answer(request, desk, given, said=said, is_error=is_error)
    messages.add_message(request, messages.ERROR if is_error else messages.SUCCESS, said)
    address = {**given, "account": desk.account.slug, "page": request.GET.get("page", "1")[:10]}
    return HttpResponseRedirect(f"{reverse('admin:review')}?{urlencode(address)}")


def _answer(
    request: HttpRequest, desk: Desk, given: dict[str, str], *, said: str = "", is_error: bool = False
) -> HttpResponse:
    complaint = ""
    try:
        wanted = parse_tag_filter(given)
    except DomainError as error:
        complaint, given = error.message, {}
        wanted = TagFilter()
    context = _context(request, desk, wanted, given) | {"said": said, "is_error": is_error, "complaint": complaint}
    if wants_part(request):
        return render(request, "extensions/review.html#result", context)
    tags = AITag.objects.of_account(desk.account).order_by()
    sources = sorted({*CATALOG, *tags.values_list("source", flat=True).distinct()})
    context |= {"title": "Review", "nav": "review", "sources": sources}
    return show(request, "extensions/review.html", context, status=400 if complaint else 200)


def _context(request: HttpRequest, desk: Desk, wanted: TagFilter, given: dict[str, str]) -> dict[str, Any]:
    tags = tags_chosen(desk.account, wanted)
    counts = dict(_of_any_state(desk, wanted).values_list("state").annotate(Count("pk")))
    names = tags.order_by().values_list("name").annotate(count=Count("pk")).order_by("-count", "name")[:NAMES_SHOWN]
    context = page_of(request, _files(desk, tags), size=PAGE_SIZE)
    last = request.session.get(LAST) or {}
    others = {name: text for name, text in given.items() if name != "state"}
    return context | {
        "desk": desk,
        "given": given,
        "state": wanted.states[0],
        "states": [(value, label, counts.get(value, 0)) for value, label in AITag.State.choices],
        "names": names,
        "filter_query": urlencode(given),
        "other_query": urlencode(others),
        "account_query": urlencode({"account": desk.account.slug}),
        "act_url": f"{reverse('admin:review-act')}?{urlencode({'page': context['page'].number})}",
        "query": urlencode({**given, "account": desk.account.slug}),
        "undo": last.get("undo") if last.get("account") == desk.account.slug else None,
    }


def _files(desk: Desk, tags: QuerySet[AITag]) -> QuerySet[Asset]:
    """The files that carry chosen tags, each with those tags as `waiting`."""
    mine = Asset.objects.of_account(desk.account).filter(Exists(tags.filter(asset=OuterRef("pk"))))
    waiting = Prefetch("ai_tags", queryset=tags.order_by("-confidence", "pk"), to_attr="waiting")
    return mine.select_related("folder", "current_version").prefetch_related(waiting).order_by("-pk")


def _of_any_state(desk: Desk, wanted: TagFilter) -> QuerySet[AITag]:
    everywhere = TagFilter(
        states=tuple(AITag.State.values),
        name=wanted.name,
        source=wanted.source,
        least=wanted.least,
        files=wanted.files,
    )
    return tags_chosen(desk.account, everywhere).order_by()


def _reviewed(posted: Mapping[str, str], desk: Desk, given: dict[str, str]) -> tuple[list[Reviewed], int]:
    state = posted.get("state", "")
    if state not in AITag.State.values:
        raise DomainError("Choose accepted, rejected or suggested.")
    if name := posted.get("name", ""):
        wanted = parse_tag_filter({**given, "name": name})
        return review_matching(
            account=desk.account,
            tags=tags_chosen(desk.account, wanted),
            state=AITag.State(state),
            chosen=in_words(wanted),
            actor=desk.actor,
        )
    ids = posted.get("ids", "").split(",")
    if not all(item.isascii() and item.isdigit() and len(item) <= 18 for item in ids) or len(ids) > MOST_UNDONE:
        raise DomainError("Choose at least one tag.")
    done: list[Reviewed] = []
    for start in range(0, len(ids), MOST_IDS):
        some = [int(item) for item in ids[start : start + MOST_IDS]]
        # A page, and what it offers to undo, may be older than the last run of a tagger.
        done += review_tags(account=desk.account, ids=some, state=AITag.State(state), without_missing=True)
    return done, 0


def _undo(done: list[Reviewed]) -> dict[str, str] | None:
    """What the button Undo posts. All tags of one review had the same state, for the page shows one at a time."""
    if not done:
        return None
    ids = [str(one.tag.pk) for one in done if one.was == done[0].was][:MOST_UNDONE]
    what = done[0].tag.name if len({one.tag.name for one in done}) == 1 else f"{len(done)} tags"
    return {"ids": ",".join(ids), "state": done[0].was, "what": what}


def _said(done: list[Reviewed], left: int, state: str) -> str:
    what = done[0].tag.name if len(done) == 1 else f"{len(done)} tags"
    verb = "is" if len(done) == 1 else "are"
    more = f" {left} more are left; do it again." if left else ""
    return f"{what} {verb} {state}.{more}" if done else "Nothing was left to change."


def _given(query: Mapping[str, str]) -> dict[str, str]:
    """The page's filters that have a value; one state at a time."""
    found = {name: query.get(name, "").strip() for name in FILTERS}
    found["state"] = found["state"].partition(",")[0]
    return {name: text for name, text in found.items() if text}
