#!/usr/bin/env bash
# Asks a person by CIBA with nothing but curl and jq.
# Configuration: ../env.sh. Exit: 0 approved, 1 denied, 2 expired, 3 anything else.
set -euo pipefail

answer=$(mktemp)
trap 'rm -f "$answer" "$answer.headers"' EXIT

# call URL [CURL OPTION ...]: the status on standard output, the body in $answer.
# The development CA is trusted for these calls only.
call() {
    local url=$1
    shift
    curl --silent --show-error --cacert "$CIBA_CA_FILE" --max-time 30 \
        --output "$answer" --dump-header "$answer.headers" --write-out '%{http_code}' "$@" "$url"
}
member() { jq -r "$1 // empty" "$answer"; }
header() { tr -d '\r' <"$answer.headers" | awk -F': *' -v name="$1" 'tolower($1) == name { print $2 }'; }
give_up() { # CODE MESSAGE
    echo "$2" >&2
    exit "$1"
}
expect() { # WHAT STATUS
    [ "$2" = 200 ] || give_up 3 "$1: $2 $(member .error) $(member .error_description)$(member .message)"
}

# Step 1: find the user. CIBA names people by user id, the Management API knows who has an e-mail address.
status=$(call "${CIBA_ISSUER}oauth/token" \
    --data grant_type=client_credentials \
    --data-urlencode client_id="$CIBA_MANAGEMENT_CLIENT_ID" \
    --data-urlencode client_secret="$CIBA_MANAGEMENT_CLIENT_SECRET" \
    --data-urlencode audience="${CIBA_ISSUER}api/v2/")
expect "no management token" "$status"
management_token=$(member .access_token)
status=$(call "${CIBA_ISSUER}api/v2/users-by-email" --get \
    --header "Authorization: Bearer $management_token" --data-urlencode email="$CIBA_EMAIL")
expect "the search failed" "$status"
user_id=$(member '.[0].user_id')
[ -n "$user_id" ] || give_up 3 "nobody has the address $CIBA_EMAIL"

# Step 1: start. The hint is JSON text within a form member.
begun=$SECONDS
status=$(call "${CIBA_ISSUER}bc-authorize" \
    --data-urlencode client_id="$CIBA_CLIENT_ID" \
    --data-urlencode client_secret="$CIBA_CLIENT_SECRET" \
    --data-urlencode login_hint="$(jq -cn --arg iss "$CIBA_ISSUER" --arg sub "$user_id" '{format: "iss_sub", $iss, $sub}')" \
    --data-urlencode binding_message="$CIBA_MESSAGE" \
    --data-urlencode scope="$CIBA_SCOPE" \
    --data-urlencode audience="$CIBA_AUDIENCE" \
    --data-urlencode requested_expiry="$CIBA_EXPIRY")
# One person is asked five times a minute at most.
[ "$status" != 429 ] || give_up 3 "too many requests, try again in $(header retry-after) s"
expect "not asked" "$status"

# Step 2: the acknowledgement. Nobody was asked yet when it comes; it names the request.
auth_req_id=$(member .auth_req_id)
interval=$(member .interval)
interval=${interval:-5}
deadline=$((begun + $(member .expires_in)))
echo "asked $user_id"
echo "auth_req_id $auth_req_id"
# Where the client or the tenant asks for a number, the person enters it on the phone.
number=$(member .match_code)
[ -z "$number" ] || echo "enter $number on the phone"

# Step 3: poll, no faster than allowed. Steps 4 to 7 happen on the phone meanwhile.
while [ "$SECONDS" -lt "$deadline" ]; do
    sleep "$interval"
    status=$(call "${CIBA_ISSUER}oauth/token" \
        --data grant_type=urn:openid:params:grant-type:ciba \
        --data-urlencode auth_req_id="$auth_req_id" \
        --data-urlencode client_id="$CIBA_CLIENT_ID" \
        --data-urlencode client_secret="$CIBA_CLIENT_SECRET")
    # Step 8: the outcome, or the advice to come again.
    if [ "$status" = 200 ]; then
        # The ID token came straight from the issuer over TLS, which stands in for a look at its signature.
        claims=$(member .id_token | jq -R 'split(".")[1] | gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson')
        echo "approved by $(jq -r '"\(.sub) \(.name // "")"' <<<"$claims")"
        exit 0
    fi
    case $(member .error) in
        authorization_pending) ;;
        slow_down | too_many_requests)
            wait=$(header retry-after)
            interval=$((interval + 5))
            [ "${wait:-0}" -le "$interval" ] || interval=$wait
            echo "slower: every $interval s" >&2
            ;;
        # Auth0's dialect has this word for a refusal and for a request that ran out; the clock tells them apart.
        access_denied) [ "$SECONDS" -ge "$deadline" ] && give_up 2 expired || give_up 1 denied ;;
        expired_token) give_up 2 expired ;;
        *) expect "the poll failed" "$status" ;;
    esac
done
give_up 2 expired
