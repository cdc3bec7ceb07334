# Serve on for OFFRAMP_DRAIN seconds after SIGTERM: ECS stops a task in the moment it leaves the DNS, and the gateway may send
# to it until the last answer has expired. Then everything gets SIGTERM, as on Heroku. $1 is the command.
# The inner shell outlives SIGTERM, so that a command like "migrate && serve" ends when its last part has ended.
sh -c "trap : TERM
$1" &
child=$!
drain() {
  trap '' TERM
  sleep "${OFFRAMP_DRAIN:-15}" &
  wait $!
  kill -TERM 0
}
trap drain TERM
status=0
while kill -0 "$child" 2>/dev/null; do
  wait "$child" && status=0 || status=$?
done
exit "$status"
