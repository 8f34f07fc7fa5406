#!/usr/bin/env bash
# Shuts a cloud machine, the head of a Ray cluster, down when Ray has run no job for MINUTES.
# Its disk stays, with every ledger on it: `ray up` starts it again. Usage: stop-when-idle.sh MINUTES
set -u
minutes=$1
idle=0
while sleep 60; do
  if ray list jobs --filter status=RUNNING --format json 2>/dev/null | grep -q '"job_id"'; then
    idle=0
  else
    idle=$((idle + 1))
  fi
  if [ "$idle" -ge "$minutes" ]; then
    sudo shutdown -h now
    exit 0
  fi
done
