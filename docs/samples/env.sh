# Environment variables of the client samples, from the card of `aizuchi dev --json`.
# To be sourced by bash or zsh: . docs/samples/env.sh [card.json]
# Needs jq. Only CIBA_DEV is of the development server; all others any issuer has.

_card=${1:-card.json}
_fact() { jq -er "$1" "$_card"; }

export CIBA_ISSUER=$(_fact .issuer)
export CIBA_CLIENT_ID=$(_fact .client.client_id)
export CIBA_CLIENT_SECRET=$(_fact .client.client_secret)
export CIBA_MANAGEMENT_CLIENT_ID=$(_fact .management.client_id)
export CIBA_MANAGEMENT_CLIENT_SECRET=$(_fact .management.client_secret)
export CIBA_AUDIENCE=$(_fact .api.identifier)
export CIBA_DEV=$(_fact .http)

# The card names the file as seen from the folder where the server was started.
CIBA_CA_FILE=$(_fact .ca_file)
case $CIBA_CA_FILE in
    /*) ;;
    *) CIBA_CA_FILE=$(cd "$(dirname "$_card")" && pwd)/$CIBA_CA_FILE ;;
esac
export CIBA_CA_FILE

# What to ask whom. Set any of these before, to ask something else.
export CIBA_EMAIL=${CIBA_EMAIL:-$(_fact .user.email)}
export CIBA_MESSAGE=${CIBA_MESSAGE:-Pay 25.00, order \#42}
export CIBA_SCOPE=${CIBA_SCOPE:-openid profile transfer:funds}
export CIBA_EXPIRY=${CIBA_EXPIRY:-120}

unset -f _fact
unset _card
