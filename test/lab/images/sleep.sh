#!/bin/sh
# Stands in for any server that only has to be there (image ek-lab/sleep): a database, a queue, a cache.
#   READY_AFTER_MS  the stand-ins of pg_isready, redis-cli and their like succeed after this long (0; never when negative)
#   LISTEN          TCP ports, separated by spaces, that accept connections and close them
# Ends with exit code 0 upon SIGTERM. Arguments are ignored.
rm -f /dev/shm/ready
trap 'echo "stopping"; exit 0' TERM INT
echo "$HOSTNAME is up${*:+: $*}"
for port in $LISTEN; do nc -ll -p "$port" -e true & done
ms=${READY_AFTER_MS:-0}
if [ "$ms" -gt 0 ]; then usleep $((ms * 1000)) & wait $!; fi
if [ "$ms" -ge 0 ]; then : > /dev/shm/ready; fi
sleep 2147483647 &
wait $!
