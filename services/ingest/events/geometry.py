"""The straight line between two places. Of coordinates only this is kept, to check whether a distance is plausible.

WGS84, GCJ02 and BD09 are treated alike. The offsets of the Chinese systems vary so slowly from place to place that over
a city trip they cancel out to a few metres. Floats are harmless here: the result is compared and never summed.
"""

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_M = 6_371_009


def straight_line_m(lat_a: float, lng_a: float, lat_b: float, lng_b: float) -> int:
    """Great-circle distance in whole metres (haversine on the mean sphere, within 0.5 % of the ellipsoid)."""
    phi_a, phi_b = radians(lat_a), radians(lat_b)
    chord = sin((phi_b - phi_a) / 2) ** 2 + cos(phi_a) * cos(phi_b) * sin(radians(lng_b - lng_a) / 2) ** 2
    return round(2 * EARTH_RADIUS_M * asin(sqrt(min(chord, 1.0))))
