"""Plays the recycling partner: pushes two signed deposits of 2 kg for one account. Standard library only.

python3 docs/tour/push.py ACCOUNT_NO
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

PATH = "/api/v1/ingest/events"

credentials = json.loads(Path(os.environ.get("RUN_DIR", ".run"), "credentials.json").read_text())
partner = next(p for p in credentials["partners"] if p["partner_id"] == "recycle")
now = datetime.now(timezone(timedelta(hours=8)))
events = []
for _deposit in range(2):
    at = now.isoformat(timespec="milliseconds")
    events.append(
        {
            "specversion": "1.0",
            "id": f"tour-{secrets.token_hex(8)}",
            "source": partner["source"],
            "type": "cn.carboninclusion.recycling.deposited.v1",
            "time": at,
            "data": {
                "account_ref": {"type": "account_no", "value": sys.argv[1]},
                "deposit_id": secrets.token_hex(8),
                "material": "paper",
                "weight_g": 2000,
                "machine_ref": "tour-machine",
                "occurred_at": at,
                "city_code": "420100",
            },
        }
    )
body = json.dumps(events).encode()

# What is signed: method, path, time, nonce and the raw body, each on its own line.
timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
message = f"POST\n{PATH}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
signature = base64.b64encode(hmac.new(partner["secret"].encode(), message, hashlib.sha256).digest()).decode()
authorization = (
    f'CP1-HMAC-SHA256 app_key="{partner["app_key"]}",timestamp="{timestamp}",nonce="{nonce}",signature="{signature}"'
)
request = urllib.request.Request(  # noqa: S310 - the local gateway
    credentials["gateway_url"] + PATH,
    data=body,
    headers={"Content-Type": "application/cloudevents-batch+json", "Authorization": authorization},
)
with urllib.request.urlopen(request) as answer:  # noqa: S310
    print(answer.status, answer.read().decode())
