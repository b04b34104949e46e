#!/bin/sh
# A logger (image ek-lab/chatty): LINES lines (1000; 0 never ends) of LINE_BYTES bytes (100, the newline included), RATE of them
# a second (10; 0 is as fast as can be), each STDERR_EVERY-th of them (10; 0 none) to stderr; then it sleeps, or exits if THEN=exit.
# A line reads `stdout 0000000042 xxxx...`, numbered through both streams.
trap 'kill $child 2>/dev/null; exit 0' TERM INT
awk -v lines="${LINES:-1000}" -v rate="${RATE:-10}" -v bytes="${LINE_BYTES:-100}" -v every="${STDERR_EVERY:-10}" '
  function uptime(  line, fields) { getline line < "/proc/uptime"; close("/proc/uptime"); split(line, fields, " "); return fields[1] }
  BEGIN {
    lines += 0; rate += 0; bytes += 0; every += 0
    err = "cat >&2"
    fill = "x"; while (length(fill) < bytes) fill = fill fill
    fill = substr(fill, 1, bytes > 19 ? bytes - 19 : 0)
    start = uptime()
    for (n = 1; lines == 0 || n <= lines;) {
      due = rate > 0 ? int((uptime() - start) * rate) + 1 : n + 999
      if (lines > 0 && due > lines) due = lines
      for (; n <= due; n++)
        if (every > 0 && n % every == 0) printf "stderr %010d %s\n", n, fill | err
        else printf "stdout %010d %s\n", n, fill
      if (rate > 0) { fflush(); if (every > 0 && n > every) fflush(err); if (lines == 0 || n <= lines) system("usleep 50000") }
    }
    fflush(); if (every > 0) close(err)
  }' &
child=$!
wait $child
if [ "$THEN" = exit ]; then exit 0; fi
sleep 2147483647 &
child=$!
wait $child
