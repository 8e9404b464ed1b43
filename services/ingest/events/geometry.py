"""The straight line between two places: the only thing kept of coordinates, and only to doubt a distance.

WGS84, GCJ02 and BD09 are taken alike: the offsets of the Chinese systems change so slowly from place to place that
over a city trip they cancel to a few metres. Floats are harmless here, the result is compared and never added up.
"""

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_M = 6_371_009


def straight_line_m(lat_a: float, lng_a: float, lat_b: float, lng_b: float) -> int:
    """Great-circle distance in whole metres (haversine on the mean sphere, within 0.5 % of the ellipsoid)."""
    phi_a, phi_b = radians(lat_a), radians(lat_b)
    chord = sin((phi_b - phi_a) / 2) ** 2 + cos(phi_a) * cos(phi_b) * sin(radians(lng_b - lng_a) / 2) ** 2
    return round(2 * EARTH_RADIUS_M * asin(sqrt(min(chord, 1.0))))
