"""CP1 签名、推送一批事件、验证回执推送。仅用标准库。Signs, pushes one batch, verifies a receipt; standard library only.

python3 push.py push EVENTS.json
python3 push.py sign METHOD PATH TIMESTAMP NONCE < body
python3 push.py verify WEBHOOK_ID WEBHOOK_TIMESTAMP WEBHOOK_SIGNATURE < body
"""

import base64
import hashlib
import hmac
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

EVENTS = "/api/v1/ingest/events"
WINDOW_S = 300


def authorization(method: str, path: str, timestamp: str, nonce: str, body: bytes) -> str:
    # 五行，各以换行结尾；请求体为原始字节。Five lines, each ended by a newline; the body as raw bytes.
    message = f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
    digest = hmac.new(os.environ["TPH_SECRET"].encode(), message, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    app_key = os.environ["TPH_APP_KEY"]
    return f'CP1-HMAC-SHA256 app_key="{app_key}",timestamp="{timestamp}",nonce="{nonce}",signature="{signature}"'


def push(body: bytes) -> int:
    header = authorization("POST", EVENTS, str(int(time.time())), secrets.token_hex(16), body)
    request = urllib.request.Request(  # noqa: S310 - the platform's address
        os.environ["TPH_GATEWAY_URL"] + EVENTS,
        data=body,
        headers={"Content-Type": "application/cloudevents-batch+json", "Authorization": header},
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            print(answer.status, answer.read().decode())
    except urllib.error.HTTPError as refusal:
        # 503 与 429：稍后以相同的事件 id 重试。503 and 429: send again with the same event ids.
        print(refusal.code, refusal.read().decode())
        return 1
    return 0


def verify(webhook_id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > WINDOW_S:
        return False
    secret = base64.b64decode(os.environ["TPH_WEBHOOK_SECRET"].removeprefix("whsec_"))
    message = f"{webhook_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(secret, message, hashlib.sha256).digest()).decode()
    # 轮换期有两个签名，任一相符即可。While a secret rotates there are two; one that fits is enough.
    return any(hmac.compare_digest(expected.encode(), one.encode()) for one in signatures.split(" "))


command, *arguments = sys.argv[1:]
if command == "push":
    sys.exit(push(Path(arguments[0]).read_bytes()))
standard_input = sys.stdin.buffer.read()
if command == "sign":
    print(authorization(*arguments, standard_input))
else:
    valid = verify(*arguments, standard_input)
    print("valid" if valid else "invalid")
    sys.exit(0 if valid else 1)
