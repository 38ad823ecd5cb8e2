// systemd's signals, SIGRTMIN+4 and SIGRTMIN+5, by number: glibc's SIGRTMIN is 34, musl's 35.
#ifndef BANGER_INIT_SIGNALS_H
#define BANGER_INIT_SIGNALS_H

enum { SYSTEMD_POWEROFF = 38, SYSTEMD_REBOOT = 39 };

#endif
