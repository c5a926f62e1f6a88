/* Monotonic, CPU and calendar time. */
#include "clock.h"

#include <stdio.h>
#include <time.h>

static double read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_seconds(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double clock_cpu_seconds(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void clock_utc(char out[CLOCK_UTC_SIZE])
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(out, CLOCK_UTC_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void clock_format(char *out, size_t size, double seconds)
{
    long s = (long)(seconds + 0.5);
    if (s < 60) {
        snprintf(out, size, "%ld s", s);
    } else if (s < 3600) {
        snprintf(out, size, "%ld min %ld s", s / 60, s % 60);
    } else {
        snprintf(out, size, "%ld h %ld min", s / 3600, s / 60 % 60);
    }
}
