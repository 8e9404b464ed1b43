"""QR codes as pictures."""

import io
from typing import Final

import segno

# Readable from a scratched phone screen; the scale is large enough to print.
_ERROR_LEVEL: Final = "m"
_SCALE: Final = 6


def qr_svg(content: str) -> str:
    """Return a QR code as an SVG element, for a page or a data URL."""
    out = io.BytesIO()
    segno.make(content, error=_ERROR_LEVEL, micro=False).save(out, kind="svg", scale=_SCALE, xmldecl=False)
    return out.getvalue().decode().strip()
