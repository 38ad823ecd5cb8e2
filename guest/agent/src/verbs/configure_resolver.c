// /etc/resolv.conf: a file of its own. The link that images bring leads to a service that knows nothing of this
// machine's servers.
#include "configure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"

enum { TEXT_SIZE = 4096 };

static bool is_address(const char *text)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool is_domain(const char *text)
{
    return text[0] && strcspn(text, " \t\r\n#;") == strlen(text);
}

static size_t add(char *text, size_t length, const char *before, const char *word)
{
    int n = snprintf(text + length, TEXT_SIZE - length, "%s%s", before, word);
    return length + (size_t)n < TEXT_SIZE ? length + (size_t)n : TEXT_SIZE - 1;
}

int configure_resolver(struct request *request)
{
    char text[TEXT_SIZE];
    size_t servers, domains, length = 0;
    char **server = request_texts(request, 7, &servers), **domain = request_texts(request, 8, &domains);
    if (request->malformed || (servers == 0 && domains == 0))
        return 0;
    if (agent_role(request->agent) == ROLE_TEST)
        return -EPERM;
    for (size_t i = 0; i < servers; i++) {
        if (!is_address(server[i]))
            return -EINVAL;
        length = add(text, add(text, length, "nameserver ", server[i]), "\n", "");
    }
    for (size_t i = 0; i < domains; i++) {
        if (!is_domain(domain[i]))
            return -EINVAL;
        length = add(text, length, i == 0 ? "search " : " ", domain[i]);
    }
    if (domains > 0)
        length = add(text, length, "\n", "");
    int result = put_file("/etc/resolv.conf", text, length, 0644);
    return result < 0 ? result : 1;
}
