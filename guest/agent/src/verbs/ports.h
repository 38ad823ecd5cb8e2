#ifndef VERBS_PORTS_H
#define VERBS_PORTS_H

#include "verbs.h"

int ports_verb(struct request *request);

#endif
