"""The banner that every page of an account shows while a threshold of its units is reached."""

from typing import Any

from django import template

from extensions.units.alerts import banner_for

register = template.Library()


@register.inclusion_tag("extensions/_unit_banner.html", takes_context=True)
def unit_banner(context: dict[str, Any]) -> dict[str, Any]:
    """Nothing without a desk, and nothing once the person has put it away."""
    request, desk = context.get("request"), context.get("desk")
    banner = banner_for(desk.account, request.user) if desk and request else None
    return {"banner": banner, "desk": desk, "request": request, "csrf_token": context.get("csrf_token")}
