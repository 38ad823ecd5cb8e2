// Addresses and routes by rtnetlink.
#ifndef VERBS_NETLINK_H
#define VERBS_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_address {
    int family; // AF_INET, AF_INET6
    uint8_t bytes[16];
    uint8_t prefix;
};

// `10.0.0.2/24` or, without a prefix, a host's address.
bool net_parse(const char *text, struct net_address *address);
size_t net_size(const struct net_address *address); // bytes of the address

// 0 or a negative errno.
int netlink_open(void);
int netlink_add_address(int netlink, int interface, const struct net_address *address);
// Removes every address of the interface that is not listed; link-local ones stay.
int netlink_keep_addresses(int netlink, int interface, const struct net_address *keep, size_t count);
// `interface` 0: found by the gateway. A gateway of family 0: the network is on the link itself.
int netlink_add_route(int netlink, int interface, const struct net_address *network, const struct net_address *gateway);

// The interface with that hardware address; without one the first that is not the loopback. 0: none.
int net_find_interface(const char *mac);
int net_set_up(int interface);

#endif
