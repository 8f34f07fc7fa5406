#!/usr/bin/env bash
# A sweep on the nodes of one Slurm job: sbatch docs/cluster/slurm.sh SPEC OUT [options of `synaug sweep`].
# Home must be shared between the nodes and hold the project with its environment (.venv) in ~/synaug.
# A job that is stopped for time or requeued goes on where its ledger ends.
#SBATCH --job-name=synaug
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --mem-per-cpu=2G
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail
umask 077
spec=$1 out=$2
shift 2

export PATH="$HOME/synaug/.venv/bin:$PATH"
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
# A token for this job alone; other users of the nodes do not know it.
export RAY_AUTH_TOKEN_PATH="$HOME/.ray/slurm-$SLURM_JOB_ID"
mkdir -p "$HOME/.ray"
python -c 'import secrets; print(secrets.token_hex(32))' > "$RAY_AUTH_TOKEN_PATH"

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
address=$(srun --nodes=1 --ntasks=1 --nodelist="${nodes[0]}" hostname --ip-address | awk '{print $1}')
port=$((20000 + SLURM_JOB_ID % 10000)) # jobs that share a node do not meet
folder="${TMPDIR:-/tmp}/ray-$SLURM_JOB_ID"
node=(--num-cpus="$SLURM_CPUS_PER_TASK" --dashboard-agent-listen-port=0 --min-worker-port=0 --max-worker-port=0)

sweep=
finish() {
  if [ -n "$sweep" ]; then
    kill -TERM "$sweep" 2>/dev/null || true
    wait "$sweep" || true
  fi
  rm -f "$RAY_AUTH_TOKEN_PATH"
  kill $(jobs -p) 2>/dev/null || true
}
trap finish EXIT
trap 'exit 143' TERM

# --block: the step is Ray, so that Slurm ends it with the job; `ray stop` would end those of other jobs, too.
srun --nodes=1 --ntasks=1 --nodelist="${nodes[0]}" \
  ray start --head --block --node-ip-address="$address" --port="$port" "${node[@]}" --temp-dir="$folder" \
  --dashboard-host=127.0.0.1 --include-dashboard=false --ray-client-server-port="$((port + 10000))" &
until timeout 1 bash -c "</dev/tcp/$address/$port" 2>/dev/null; do sleep 1; done
if [ "${#nodes[@]}" -gt 1 ]; then
  others=$(IFS=,; echo "${nodes[*]:1}")
  srun --nodes="$((${#nodes[@]} - 1))" --ntasks="$((${#nodes[@]} - 1))" --nodelist="$others" \
    ray start --block --address="$address:$port" "${node[@]}" &
fi

# The driver runs on the first node, where this script does, and waits for no node: late ones get cells, too.
synaug sweep "$spec" --out "$out" --address "$address:$port" \
  --workers "$((SLURM_CPUS_PER_TASK * ${#nodes[@]}))" "$@" &
sweep=$!
wait "$sweep"
sweep=
