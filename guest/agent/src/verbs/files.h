#ifndef VERBS_FILES_H
#define VERBS_FILES_H

#include "verbs.h"

int stat_verb(struct request *request);
int read_verb(struct request *request);
int write_verb(struct request *request);

#endif
