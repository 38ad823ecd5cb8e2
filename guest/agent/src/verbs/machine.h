#ifndef VERBS_MACHINE_H
#define VERBS_MACHINE_H

#include "verbs.h"

int sync_verb(struct request *request);
int poweroff_verb(struct request *request);
int grow_verb(struct request *request);

#endif
