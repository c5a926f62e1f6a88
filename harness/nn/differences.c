/* Lists of names for messages. */
#include "differences.h"

enum { LISTED = 4 }; /* names shown of each kind */

void difference_add(Difference *d, const char *name, const char *detail)
{
    if (d->n++ >= LISTED) return;
    str_addf(&d->names, "%s%.80s%s", d->n > 1 ? ", " : "", name, detail);
}

void difference_done(Difference *d)
{
    str_done(&d->names);
}

void difference_text(const Difference *d, const char *kind, Str *out)
{
    if (d->n == 0) return;
    str_addf(out, "%s%d %s (%s%s)", out->n > 0 ? "; " : "", d->n, kind, d->names.text,
             d->n > LISTED ? ", ..." : "");
}
