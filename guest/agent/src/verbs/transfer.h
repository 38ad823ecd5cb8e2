#ifndef VERBS_TRANSFER_H
#define VERBS_TRANSFER_H

#include "verbs.h"

int tar_out_verb(struct request *request);
int tar_in_verb(struct request *request);

#endif
