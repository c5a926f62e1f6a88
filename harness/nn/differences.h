/* Lists of names for messages: the first few and how many there are. For params_file.c. */
#ifndef NN_DIFFERENCES_H
#define NN_DIFFERENCES_H

#include "str.h"

/* One kind of difference. Begins zeroed. */
typedef struct {
    Str names;
    int n;
} Difference;

void difference_add(Difference *d, const char *name, const char *detail); /* detail: behind it */
void difference_done(Difference *d);

/* Adds "3 <kind> (a, b, c)", after "; " when there is something before; nothing when there is no
 * difference. */
void difference_text(const Difference *d, const char *kind, Str *out);

#endif
