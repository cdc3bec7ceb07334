# Put the configuration in its place, run Nginx, and on SIGTERM (or SIGQUIT, which the official image asks for) serve on for
# OFFRAMP_DRAIN seconds before ending gracefully: clients hold the old address until their DNS answer expires.
set -eu
work=$(mktemp -d)
chmod 755 "$work"
printf %s "$GATEWAY_CONF" | base64 -d | sed \
  -e "s|[$]{BIND_ADDRESS}|${BIND_ADDRESS:-0.0.0.0}|g" \
  -e "s|[$]{DNS_RESOLVER}|${DNS_RESOLVER:-169.254.169.253}|g" \
  -e "s|[$]{WORK}|$work|g" > "$work/nginx.conf"
nginx -e stderr -p "$work" -c "$work/nginx.conf" &
server=$!
drain() {
  trap '' TERM QUIT
  sleep "${OFFRAMP_DRAIN:-15}" &
  wait $!
  kill -QUIT "$server"
}
trap drain TERM QUIT
status=0
while kill -0 "$server" 2>/dev/null; do
  wait "$server" && status=0 || status=$?
done
rm -rf "$work"
exit "$status"
