#!/bin/sh
# Stands in for pg_isready, redis-cli ping and their like, so that health checks read as in the real files.
if [ ! -e /dev/shm/ready ]; then echo "not ready"; exit 1; fi
case $0 in *redis-cli | *valkey-cli) echo PONG ;; *) echo "ready" ;; esac
