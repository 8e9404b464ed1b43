"""Reads files as people do: PDF with a viewer, QR codes with a phone."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pypdfium2
import zxingcpp
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def text_of(pdf: bytes) -> list[str]:
    """Return the lines of text of all pages."""
    with pypdfium2.PdfDocument(pdf) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return [line.strip() for text in pages for line in text.splitlines() if line.strip()]


def picture_of(pdf: bytes) -> Image.Image:
    """Return the first page, as large as a phone's camera sees it."""
    with pypdfium2.PdfDocument(pdf) as document:
        picture: Image.Image = document[0].render(scale=2).to_pil()
    return picture


def qr_of(picture: Image.Image | bytes) -> str:
    """Return what the only QR code of a picture says."""
    image = Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else picture
    (found,) = zxingcpp.read_barcodes(image.convert("RGB"))
    assert found.format == zxingcpp.BarcodeFormat.QRCode
    return str(found.text)


def drawn_by_a_process(asked: bytes, **variables: str) -> bytes:
    """Run the program that draws documents, with other variables than the worker gives it."""
    program: list[Any] = [sys.executable, "-m", "services.rewards.documents.press"]
    return subprocess.run(program, input=asked, capture_output=True, check=True, cwd=ROOT, env=variables).stdout
