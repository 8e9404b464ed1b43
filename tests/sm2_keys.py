"""SM2 public keys in PEM, as partners hand them in."""

import base64

from shared.auth import sm2


def sm2_public_pem(point: sm2.Point) -> str:
    text = base64.b64encode(sm2.spki_of(point)).decode()
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"
