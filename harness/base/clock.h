/* Wall clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>

double clock_seconds(void);     /* monotonic */
double clock_cpu_seconds(void); /* CPU time of this process, all threads */

/* "2026-01-31T12:00:00Z" into out. */
enum { CLOCK_UTC_SIZE = 21 };
void clock_utc(char out[CLOCK_UTC_SIZE]);

/* "45 s", "3 min 20 s", "2 h 5 min" into out. */
void clock_format(char *out, size_t size, double seconds);

#endif
