#!/bin/sh
# As much of curl as health checks use: the last argument is the address, a status of 400 or more fails.
for address; do :; done
exec wget -q -O - "$address"
