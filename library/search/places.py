"""Conditions on where a photo was taken: a circle, a rectangle or a quadrangle. `compile` calls `within`.

A box of degrees, which an index serves, comes first; then the exact shape.
"""

from __future__ import annotations

import math
from functools import reduce
from operator import xor

from django.db.models import ExpressionWrapper, F, FloatField, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import ASin, Cos, Least, Radians, Sin, Sqrt
from django.db.models.lookups import LessThan, LessThanOrEqual

from library.search.values import Place

EARTH_KM = 6371.0088


def within(place: Place) -> Q:
    """The condition on `latitude` and `longitude` of embedded metadata."""
    if len(place.corners) == 1:
        return _circle(*place.corners[0], place.radius_km)
    latitudes, longitudes = [a for a, _ in place.corners], [b for _, b in place.corners]
    box = _box(min(latitudes), max(latitudes), min(longitudes), max(longitudes))
    return box if len(place.corners) == 2 else box & _quadrangle(place.corners)


def _box(south: float, north: float, west: float, east: float) -> Q:
    return Q(latitude__gte=south, latitude__lte=north, longitude__gte=west, longitude__lte=east)


def _circle(latitude: float, longitude: float, radius_km: float) -> Q:
    reach = math.degrees(radius_km / EARTH_KM)
    south, north = latitude - reach, latitude + reach
    close = Q(latitude__gte=south, latitude__lte=north)
    if south > -90 and north < 90:
        # Away from the poles a circle also has a western and an eastern end, which may lie beyond the date line.
        width = math.degrees(math.asin(min(1.0, math.sin(math.radians(reach)) / math.cos(math.radians(latitude)))))
        west, east = longitude - width, longitude + width
        if west >= -180 and east <= 180:
            close &= Q(longitude__gte=west, longitude__lte=east)
    return close & Q(LessThanOrEqual(_distance_km(latitude, longitude), Value(radius_km, output_field=FloatField())))


def _distance_km(latitude: float, longitude: float) -> Combinable:
    """The great-circle distance (haversine)."""
    north = Sin(Radians(F("latitude") - latitude) / 2.0)
    east = Sin(Radians(F("longitude") - longitude) / 2.0)
    chord = north * north + Cos(Radians(F("latitude"))) * math.cos(math.radians(latitude)) * east * east
    return ExpressionWrapper(ASin(Least(Sqrt(chord), Value(1.0))) * (2 * EARTH_KM), output_field=FloatField())


def _quadrangle(corners: tuple[tuple[float, float], ...]) -> Q:
    """Inside is whatever an odd number of edges lies to the east of."""
    edges = zip(corners, corners[1:] + corners[:1], strict=True)
    tests = [_edge_to_the_east(one, other) for one, other in edges if one[0] != other[0]]
    return reduce(xor, tests) if tests else Q(pk__in=[])


def _edge_to_the_east(one: tuple[float, float], other: tuple[float, float]) -> Q:
    (south, at_south), (north, at_north) = sorted((one, other))
    slope = (at_north - at_south) / (north - south)
    line = ExpressionWrapper((F("latitude") - south) * slope + at_south, output_field=FloatField())
    return Q(latitude__gte=south, latitude__lt=north) & Q(LessThan(F("longitude"), line))
