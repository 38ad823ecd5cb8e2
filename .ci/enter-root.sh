#!/bin/bash
# enter-root.sh ROOT COMMAND… : makes ROOT the root of this mount namespace, as a booted machine has it, and runs COMMAND.
# Expects new mount and PID namespaces; what it mounts goes with them.
set -euo pipefail
root=$1
shift

mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o mode=755,nosuid tmpfs dev
for device in null zero full random urandom tty kvm; do
  [ -e "/dev/$device" ] || continue
  : >"dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
hostname fresh

mkdir -p run/old
pivot_root . run/old
# chroot to the new root changes nothing for the kernel, and the shell's own directory with it.
exec chroot . bash -c 'umount -l /run/old && rmdir /run/old && exec "$@"' bash "$@"
