/* One-line errors and the abort of broken invariants. */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_one_line(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f) *c = '?';
    }
}

bool err_set(Err *err, ErrCode code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err->code = code;
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    make_one_line(err->text);
    return false;
}

bool err_context(Err *err, const char *fmt, ...)
{
    char old[ERR_TEXT_SIZE];
    memcpy(old, err->text, sizeof old);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->text) {
        snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", old);
    }
    make_one_line(err->text);
    return false;
}

void check_failed(const char *file, int line, const char *cond, const char *fmt, ...)
{
    (void)fflush(stdout);
    fprintf(stderr, "%s:%d: check failed: %s: ", file, line, cond);
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}
