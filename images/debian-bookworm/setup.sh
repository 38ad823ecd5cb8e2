# Runs as root inside the new tree, after all packages are installed and before the file system is made.
# Nothing here may name one machine: identity arrives over the agent when a machine starts.

# The clock of a new machine would start these at once, and then they would fight its first commands for the CPU.
systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer
systemctl mask --quiet apt-daily.service apt-daily-upgrade.service e2scrub_reap.service

# No udev here, so device units never come up, and a getty would wait 90 s for its terminal. Nobody could log in on
# the console anyway: root has no password.
systemctl mask --quiet serial-getty@.service console-getty.service getty.target getty-static.service

# Each is a process at boot for hardware that is not there, or for a module that its first use loads anyway.
systemctl mask --quiet modprobe@drm.service modprobe@efi_pstore.service modprobe@dm_mod.service modprobe@loop.service
systemctl mask --quiet systemd-pstore.service proc-sys-fs-binfmt_misc.automount

# The initramfs has mounted and checked what there is to mount.
: > /etc/fstab
systemctl mask --quiet systemd-fsck-root.service systemd-remount-fs.service

# The agent sets addresses and /etc/resolv.conf.
systemctl disable --quiet systemd-networkd.service systemd-networkd.socket 2>/dev/null || true
systemctl mask --quiet systemd-networkd-wait-online.service

# Docker loads the one profile that it wants; those of the packages cost every boot seconds.
systemctl mask --quiet apparmor.service

# Docker takes its memory and its seconds when it is first asked for something.
systemctl disable --quiet docker.service containerd.service
systemctl enable --quiet docker.socket

# Keys only. Host keys are made by the host for each machine; sshd starts when they arrive. What starts it then stays
# active, so that it starts sshd once, and whoever stops sshd has it stopped. A change of the directory alone would not do:
# systemd misses those that come while it looks at an earlier one.
rm -f /etc/ssh/ssh_host_*
cat > /etc/ssh/sshd_config.d/10-banger.conf <<'CONF'
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv COLORTERM
CONF
mkdir -p /etc/systemd/system/ssh.service.d
cat > /etc/systemd/system/ssh.service.d/10-banger.conf <<'CONF'
[Unit]
ConditionPathExistsGlob=/etc/ssh/ssh_host_*_key
CONF
cat > /etc/systemd/system/ssh-host-keys.path <<'CONF'
[Unit]
Description=Start sshd when its host keys arrive

[Path]
PathExistsGlob=/etc/ssh/ssh_host_*_key

[Install]
WantedBy=multi-user.target
CONF
cat > /etc/systemd/system/ssh-host-keys.service <<'CONF'
[Unit]
Description=Start sshd now that its host keys are there

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/systemctl start --no-block ssh.service
CONF
systemctl enable --quiet ssh-host-keys.path

passwd --quiet --lock root
echo 'LANG=C.UTF-8' > /etc/default/locale
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' > /etc/hosts
echo localhost > /etc/hostname
rm -f /etc/resolv.conf
: > /etc/resolv.conf
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id
ln -s /etc/machine-id /var/lib/dbus/machine-id
install -d -m 0700 /root/.ssh
