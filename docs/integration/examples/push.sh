#!/bin/sh
# CP1 签名、推送一批事件、验证回执推送：curl 与 openssl。Signs, pushes one batch, verifies a receipt: curl and openssl.
#
#   sh push.sh push EVENTS.json
#   sh push.sh sign METHOD PATH TIMESTAMP NONCE < body
#   sh push.sh verify WEBHOOK_ID WEBHOOK_TIMESTAMP WEBHOOK_SIGNATURE < body
#
# openssl 的密钥会出现在进程列表中：仅供试用。The key shows in the list of processes: for trying out only.
set -eu

EVENTS=/api/v1/ingest/events
WINDOW_S=300

# 请求体经文件传递，不经变量：变量会丢掉结尾的换行。Bodies stay in files: a variable would lose the last newline.
body=$(mktemp)
trap 'rm -f "$body"' EXIT

hex() { od -An -v -tx1 | tr -d ' \n'; }
hmac() { openssl dgst -sha256 -mac HMAC -macopt "hexkey:$1" -binary | base64 | tr -d '\n'; }

# METHOD PATH TIMESTAMP NONCE: 五行，各以换行结尾 five lines, each ended by a newline
authorization() {
    signature=$({ printf '%s\n%s\n%s\n%s\n' "$1" "$2" "$3" "$4"; cat "$body"; printf '\n'; } |
        hmac "$(printf %s "$TPH_SECRET" | hex)")
    printf 'CP1-HMAC-SHA256 app_key="%s",timestamp="%s",nonce="%s",signature="%s"' "$TPH_APP_KEY" "$3" "$4" "$signature"
}

case $1 in
push)
    cat "$2" >"$body"
    header=$(authorization POST $EVENTS "$(date +%s)" "$(openssl rand -hex 16)")
    curl -sS --fail-with-body "$TPH_GATEWAY_URL$EVENTS" -H 'Content-Type: application/cloudevents-batch+json' \
        -H "Authorization: $header" --data-binary @"$body"
    echo
    ;;
sign)
    cat >"$body"
    authorization "$2" "$3" "$4" "$5"
    echo
    ;;
verify)
    cat >"$body"
    case $3 in '' | *[!0-9]*) echo invalid; exit 1 ;; esac
    age=$(($(date +%s) - $3))
    if [ "$age" -le $WINDOW_S ] && [ "$age" -ge -$WINDOW_S ]; then
        expected=v1,$({ printf '%s.%s.' "$2" "$3"; cat "$body"; } |
            hmac "$(printf %s "${TPH_WEBHOOK_SECRET#whsec_}" | base64 -d | hex)")
        # 轮换期有两个签名，任一相符即可 while a secret rotates there are two; one that fits is enough
        for signature in $4; do
            if [ "$signature" = "$expected" ]; then
                echo valid
                exit 0
            fi
        done
    fi
    echo invalid
    exit 1
    ;;
esac
