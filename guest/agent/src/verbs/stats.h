#ifndef VERBS_STATS_H
#define VERBS_STATS_H

#include "verbs.h"

int stats_verb(struct request *request);

#endif
