#!/usr/bin/env bash
# Posts the JSON on stdin as a signed batch, with curl and openssl alone.
#
#   echo '{"stream":"depth_m","value":10.4}' | KEY=... ./post-signed.sh http://localhost:8787 boat-1 1 b7f3 118
#
# KEY is what POST /v1/devices/{device}/key of the origin answers; the arguments are the edge, the
# device, the key's version, the boot and the batch's number in it.
set -euo pipefail
edge=$1 device=$2 version=$3 boot=$4 seq=$5
target="/v1/devices/$device/readings"
body=$(mktemp)
trap 'rm -f "$body"' EXIT
cat >"$body"

digest=$(openssl dgst -sha256 -binary "$body" | openssl base64 -A)
hexkey=$(printf '%s=' "$KEY" | tr -- '-_' '+/' | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
mac=$(printf 'skerry-hmac-1\nPOST\n%s\n%s\n%s\n%s\n%s\n%s' \
  "$target" "$device" "$version" "$boot" "$seq" "$digest" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hexkey" -binary |
  openssl base64 -A | tr '+/' '-_' | tr -d '=')

curl -sS "$edge$target" \
  -H "authorization: Skerry-HMAC device=\"$device\", version=$version, boot=\"$boot\", seq=$seq, mac=\"$mac\"" \
  -H "content-digest: sha-256=:$digest:" -H "content-type: application/json" --data-binary "@$body"
