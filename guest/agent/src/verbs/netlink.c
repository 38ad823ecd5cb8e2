// Just enough rtnetlink: one request, its answer, no state.
#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MESSAGE_SIZE = 512, DUMP_SIZE = 32768, STALE_MAX = 64 };

struct message {
    struct nlmsghdr header;
    char body[MESSAGE_SIZE];
};

bool net_parse(const char *text, struct net_address *address)
{
    char host[64];
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    if (n >= sizeof host)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    *address = (struct net_address){.family = strchr(host, ':') ? AF_INET6 : AF_INET};
    if (inet_pton(address->family, host, address->bytes) != 1)
        return false;
    unsigned whole = address->family == AF_INET ? 32 : 128, prefix = whole;
    char rest;
    if (slash && (sscanf(slash + 1, "%3u%c", &prefix, &rest) != 1 || prefix > whole))
        return false;
    address->prefix = (uint8_t)prefix;
    return true;
}

size_t net_size(const struct net_address *address)
{
    return address->family == AF_INET ? 4 : 16;
}

int netlink_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    // The kernel answers at once or not at all.
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 2}, sizeof(struct timeval));
    return fd;
}

static void *begin(struct message *message, uint16_t type, uint16_t flags, size_t size)
{
    memset(message, 0, sizeof *message);
    message->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
    message->header.nlmsg_type = type;
    message->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    return NLMSG_DATA(&message->header);
}

static void attribute(struct message *message, uint16_t type, const void *value, size_t size)
{
    struct rtattr *at = (struct rtattr *)((char *)message + NLMSG_ALIGN(message->header.nlmsg_len));
    at->rta_type = type;
    at->rta_len = (uint16_t)RTA_LENGTH(size);
    memcpy(RTA_DATA(at), value, size);
    message->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(message->header.nlmsg_len) + RTA_ALIGN(at->rta_len));
}

static int ask(int netlink, struct message *message)
{
    union {
        struct nlmsghdr header;
        char bytes[1024];
    } answer;
    message->header.nlmsg_flags |= NLM_F_ACK;
    if (send(netlink, message, message->header.nlmsg_len, 0) < 0)
        return -errno;
    ssize_t n = recv(netlink, &answer, sizeof answer, 0);
    if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || answer.header.nlmsg_type != NLMSG_ERROR)
        return n < 0 ? -errno : -EPROTO;
    return ((struct nlmsgerr *)NLMSG_DATA(&answer.header))->error;
}

static void put_address(struct message *message, uint16_t type, uint16_t flags, int interface,
                        const struct net_address *address)
{
    struct ifaddrmsg *body = begin(message, type, flags, sizeof *body);
    body->ifa_family = (uint8_t)address->family;
    body->ifa_prefixlen = address->prefix;
    body->ifa_index = (uint32_t)interface;
    // The host has given it to nobody else; without this an IPv6 address is unusable for a second.
    if (address->family == AF_INET6)
        body->ifa_flags = IFA_F_NODAD;
    attribute(message, IFA_LOCAL, address->bytes, net_size(address));
    attribute(message, IFA_ADDRESS, address->bytes, net_size(address));
}

int netlink_add_address(int netlink, int interface, const struct net_address *address)
{
    struct message message;
    put_address(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, interface, address);
    if (address->family == AF_INET && address->prefix < 31) {
        uint8_t broadcast[4];
        uint32_t host = htonl(0xffffffffu >> address->prefix);
        for (int i = 0; i < 4; i++)
            broadcast[i] = address->bytes[i] | ((uint8_t *)&host)[i];
        attribute(&message, IFA_BROADCAST, broadcast, sizeof broadcast);
    }
    return ask(netlink, &message);
}

static bool is_kept(const struct net_address *address, const struct net_address *keep, size_t count)
{
    if (address->family == AF_INET6 && address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80)
        return true;
    for (size_t i = 0; i < count; i++)
        if (keep[i].family == address->family && keep[i].prefix == address->prefix &&
            !memcmp(keep[i].bytes, address->bytes, net_size(address)))
            return true;
    return false;
}

// The address of one dumped message, if it is on the interface.
static bool dumped(const struct nlmsghdr *header, int interface, struct net_address *address)
{
    const struct ifaddrmsg *body = NLMSG_DATA(header);
    if (header->nlmsg_type != RTM_NEWADDR || (int)body->ifa_index != interface)
        return false;
    if (body->ifa_family != AF_INET && body->ifa_family != AF_INET6)
        return false;
    *address = (struct net_address){.family = body->ifa_family, .prefix = body->ifa_prefixlen};
    int left = (int)IFA_PAYLOAD(header);
    bool found = false;
    for (const struct rtattr *at = IFA_RTA(body); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
        // IPv4 has the own address in LOCAL, IPv6 in ADDRESS.
        if (at->rta_type != (address->family == AF_INET ? IFA_LOCAL : IFA_ADDRESS) ||
            RTA_PAYLOAD(at) != net_size(address))
            continue;
        memcpy(address->bytes, RTA_DATA(at), net_size(address));
        found = true;
    }
    return found;
}

int netlink_keep_addresses(int netlink, int interface, const struct net_address *keep, size_t count)
{
    static union {
        struct nlmsghdr header;
        char bytes[DUMP_SIZE];
    } dump;
    struct net_address stale[STALE_MAX], one;
    size_t stale_count = 0;
    struct message message;
    begin(&message, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
    if (send(netlink, &message, message.header.nlmsg_len, 0) < 0)
        return -errno;
    for (bool done = false; !done;) {
        ssize_t n = recv(netlink, &dump, sizeof dump, 0);
        if (n < 0)
            return -errno;
        unsigned left = (unsigned)n;
        for (struct nlmsghdr *at = &dump.header; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
            if (at->nlmsg_type == NLMSG_DONE || at->nlmsg_type == NLMSG_ERROR)
                done = true;
            else if (dumped(at, interface, &one) && !is_kept(&one, keep, count) && stale_count < STALE_MAX)
                stale[stale_count++] = one;
        }
    }
    int error = 0;
    for (size_t i = 0; i < stale_count; i++) {
        put_address(&message, RTM_DELADDR, 0, interface, &stale[i]);
        int result = ask(netlink, &message);
        if (!error && result != -EADDRNOTAVAIL)
            error = result;
    }
    return error;
}

int netlink_add_route(int netlink, int interface, const struct net_address *network, const struct net_address *gateway)
{
    struct message message;
    struct rtmsg *body = begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof *body);
    body->rtm_family = (uint8_t)network->family;
    body->rtm_dst_len = network->prefix;
    body->rtm_table = RT_TABLE_MAIN;
    body->rtm_protocol = RTPROT_STATIC;
    body->rtm_scope = gateway->family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    body->rtm_type = RTN_UNICAST;
    if (network->prefix > 0)
        attribute(&message, RTA_DST, network->bytes, net_size(network));
    if (gateway->family)
        attribute(&message, RTA_GATEWAY, gateway->bytes, net_size(gateway));
    if (interface > 0)
        attribute(&message, RTA_OIF, &interface, sizeof interface);
    return ask(netlink, &message);
}
