#!/bin/sh
# A job (image ek-lab/job): prints, works for SECONDS (0), prints MESSAGE, exits with EXIT_CODE (0).
trap 'echo "job: stopped"; exit 143' TERM INT
echo "job: started${*:+: $*}"
sleep "${SECONDS:-0}" &
wait $!
echo "${MESSAGE:-job: done}, exit code ${EXIT_CODE:-0}"
exit "${EXIT_CODE:-0}"
