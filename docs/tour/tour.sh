#!/usr/bin/env bash
# 十步之旅：登录、开户、绑定、上报、查余额、问为什么、换一碗热干面。A tour of the running stack (`make run`), from log-in to noodles.
# bash docs/tour/tour.sh      RUN_DIR 与 make run 相同 RUN_DIR as for `make run`
set -euo pipefail
cd "$(dirname "$0")/../.."

credential() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "${RUN_DIR:-.run}/credentials.json" "$1"; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
pretty() { python3 -m json.tool --no-ensure-ascii; }
title() { printf '\n== %s\n' "$*"; }
# call PATH [curl options]: one request through the gateway; an error answer ends the tour.
call() { curl -sS --fail-with-body "$API$1" -H 'Content-Type: application/json' "${@:2}"; }

API=$(credential gateway_url)/api/v1
PREFIX=$(credential wechat_code_prefix)
RUN=tour-$(date +%s)-$RANDOM

title '1 登录 log in with the development WeChat'
TOKEN=$(call /accounts/sessions -d '{"code": "'"$PREFIX$RUN"'"}' | field access_token)
ME="Authorization: Bearer $TOKEN"

title '2 领取碳账户 open a carbon account'
NO=$(call /accounts/me/carbon-account -H "$ME" -d '{"consent": {"policy_version": "2026-11"}}' | field account_no)
echo "$NO"

title '3 绑定回收企业 bind the recycling partner'
call /accounts/me/bindings -H "$ME" -d '{"partner_id": "recycle", "mode": "account_no"}' | pretty

title '4 合作方推送两次回收，各 2 公斤 the partner pushes two signed deposits of 2 kg'
python3 docs/tour/push.py "$NO"

title '5 余额 the balance'
for _ in $(seq 60); do # 核算通常不到一秒 posting usually takes less than a second
  BALANCE=$(call /accounting/me/balance -H "$ME")
  if [ "$(field available_mg <<<"$BALANCE")" -ge 6000000 ]; then break; fi # 两次各 3 千克 two credits of 3 kg
  sleep 0.5
done
pretty <<<"$BALANCE"

title '6 为什么是这么多 why this much'
ID=$(call '/accounting/me/activities?status=credited' -H "$ME" | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["activity_id"])')
call "/accounting/me/activities/$ID" -H "$ME" | pretty

title '7 换一碗热干面 redeem a bowl of noodles'
call /rewards/orders -H "$ME" -H "Idempotency-Key: $RUN" -d '{"item_id": "reganmian", "quantity": 1, "client_request_id": "'"$RUN"'"}' | pretty

title '8 换后的余额 the balance after it'
call /accounting/me/balance -H "$ME" | pretty

title '9 账目明细 the entries behind the balance'
call /accounting/me/entries -H "$ME" | pretty

title '10 继续 go on: docs/proofs.md 核验其中一克 checks one of these grams'
echo "export TOKEN=$TOKEN"
