#!/usr/bin/env bash
# The first process of a host made of namespaces: its file system, then sshd. See hosts.py.
# Usage: host.sh NAME KEYS ENVIRONMENT [KEPT ...]: KEYS holds `key` and `key.pub`, ENVIRONMENT is Python's, which the
# host sees as a copy of its own, KEPT are folders of the machine that it sees as they are.
set -euo pipefail
name=$1 keys=$2 environment=$3
shift 3

hostname "$name"
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -p /mnt/{changes,work,environment,root/.ssh,run,kept} /mnt/home
mkdir -m 1777 /mnt/tmp
mount -t overlay -o "lowerdir=$environment,upperdir=/mnt/changes,workdir=/mnt/work" overlay /mnt/environment
install -m 600 "$keys/key" "$keys/key.pub" /mnt/root/.ssh
install -m 600 "$keys/key.pub" /mnt/root/.ssh/authorized_keys
touch /mnt/root/.bashrc
sed 's/^root:[^:]*:/root:*:/' /etc/shadow >/mnt/shadow # a locked root may not log in with a key
chmod 600 /mnt/shadow
number=0
for folder in "$@"; do
  number=$((number + 1))
  mkdir "/mnt/kept/$number"
  mount --bind "$folder" "/mnt/kept/$number"
done

mount --bind /mnt/shadow /etc/shadow
mount --bind /mnt/root /root
mount --bind /mnt/run /run
mount --bind /mnt/home /home
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount --bind /mnt/tmp /tmp
number=0
for folder in "$@"; do
  number=$((number + 1))
  mkdir -p "$folder"
  mount --bind "/mnt/kept/$number" "$folder"
done
mkdir -p "$environment" /run/sshd
mount --bind /mnt/environment "$environment"

# No `exec`: this shell reaps what loses its parent.
/usr/sbin/sshd -D -e -f /dev/null -h /root/.ssh/key -o UsePAM=no -o StrictModes=no \
  -o Subsystem="sftp internal-sftp" &
echo ready
wait
