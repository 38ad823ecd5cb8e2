// The network: addresses, gateways and routes as the host has leased them. What the interface had before is removed,
// because a forked machine must not speak with its parent's address.
#include "configure.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "netlink.h"

enum { ADDRESSES_MAX = 16 };

struct lease {
    int interface;
    struct net_address address;
    struct net_address gateway; // family 0: none
};

static int read_leases(struct request *request, struct lease *leases, size_t *count)
{
    struct fields rest = request->fields;
    struct field field;
    *count = 0;
    while (request_each(request, 5, &rest, &field)) {
        struct fields value = field_struct(request, &field);
        const char *cidr = struct_text(request, value, 2, NULL), *gateway = struct_text(request, value, 3, NULL);
        const char *mac = struct_text(request, value, 1, NULL);
        if (request->malformed || *count == ADDRESSES_MAX)
            return -EINVAL;
        struct lease *lease = &leases[(*count)++];
        *lease = (struct lease){.interface = net_find_interface(mac && mac[0] ? mac : NULL)};
        if (!cidr || !net_parse(cidr, &lease->address))
            return -EINVAL;
        if (gateway && gateway[0] && !net_parse(gateway, &lease->gateway))
            return -EINVAL;
        if (lease->interface == 0)
            return -ENODEV;
    }
    return 0;
}

static int keep_only_leased(int netlink, const struct lease *leases, size_t count, int interface)
{
    struct net_address keep[ADDRESSES_MAX];
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (leases[i].interface == interface)
            keep[kept++] = leases[i].address;
    return netlink_keep_addresses(netlink, interface, keep, kept);
}

static int apply_lease(int netlink, const struct lease *lease)
{
    struct net_address everywhere = {.family = lease->gateway.family};
    int error = net_set_up(lease->interface);
    if (!error)
        error = netlink_add_address(netlink, lease->interface, &lease->address);
    if (!error && lease->gateway.family)
        error = netlink_add_route(netlink, lease->interface, &everywhere, &lease->gateway);
    return error;
}

static int apply_routes(struct request *request, int netlink, size_t *count)
{
    struct fields rest = request->fields;
    struct field field;
    for (; request_each(request, 6, &rest, &field); (*count)++) {
        struct net_address network, gateway;
        struct fields value = field_struct(request, &field);
        const char *cidr = struct_text(request, value, 1, NULL), *via = struct_text(request, value, 2, NULL);
        if (request->malformed || !cidr || !via || !net_parse(cidr, &network) || !net_parse(via, &gateway))
            return -EINVAL;
        int error = netlink_add_route(netlink, 0, &network, &gateway);
        if (error)
            return error;
    }
    return 0;
}

int configure_network(struct request *request)
{
    struct lease leases[ADDRESSES_MAX];
    size_t count, routes = 0;
    struct fields rest = request->fields;
    struct field field;
    if (!request_each(request, 5, &rest, &field) && (rest = request->fields, !request_each(request, 6, &rest, &field)))
        return 0;
    if (agent_role(request->agent) == ROLE_TEST)
        return -EPERM;
    int error = read_leases(request, leases, &count);
    if (error)
        return error;
    int netlink = netlink_open();
    if (netlink < 0)
        return netlink;
    for (size_t i = 0; i < count && !error; i++)
        error = keep_only_leased(netlink, leases, count, leases[i].interface);
    for (size_t i = 0; i < count && !error; i++)
        error = apply_lease(netlink, &leases[i]);
    if (!error)
        error = apply_routes(request, netlink, &routes);
    close(netlink);
    return error ? error : 1;
}
