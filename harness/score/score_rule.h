/* IP/OOP rules as a person writes them: "mine=0.15,0.21,0.4", "half@mini*=0,0.5,1,quantile". */
#ifndef SCORE_RULE_H
#define SCORE_RULE_H

#include "arena.h"
#include "store_score.h"

/* NAME[@GLOB]=LOW,SPLIT,HIGH[,quantile]: for scorers whose name matches (default: all); cosines, or
 * quantiles of a dataset's scores. ERR_USAGE unless low <= split <= high, quantiles in [0,1],
 * cosines in [-1,1]. Texts are in the arena. */
MUST_USE bool score_rule_parse(StoreRule *out, const char *text, Arena *arena, Err *err);

#endif
