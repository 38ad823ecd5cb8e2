#ifndef VERBS_FORWARD_H
#define VERBS_FORWARD_H

#include "verbs.h"

int forward_verb(struct request *request);

#endif
