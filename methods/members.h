/* The members of each axis, one per file; only registry.c needs this list. */
#ifndef METHODS_MEMBERS_H
#define METHODS_MEMBERS_H

#include "averaging.h"
#include "objective.h"
#include "schedule.h"

extern const Objective OBJECTIVE_ERM;
extern const Averaging AVERAGING_SMA, AVERAGING_EMA, AVERAGING_SWAD, AVERAGING_BMA;
extern const Schedule SCHEDULE_CONSTANT, SCHEDULE_COSINE;

#endif
