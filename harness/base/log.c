/* Levelled lines to stderr; each is written in one call, so that lines of several threads do not
 * mix. */
#include "log.h"

#include "str.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int current_level = LOG_INFO;

void log_set_level(LogLevel level)
{
    atomic_store(&current_level, (int)level);
}

LogLevel log_level(void)
{
    return (LogLevel)atomic_load(&current_level);
}

PRINTF_LIKE(3, 0)
static void log_line(LogLevel level, const char *prefix, const char *fmt, va_list args)
{
    if (level > log_level()) return;
    char text[ERR_TEXT_SIZE];
    vsnprintf(text, sizeof text, fmt, args);
    fprintf(stderr, "%s%s\n", prefix, text);
}

void log_warn(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_line(LOG_WARN, "warning: ", fmt, args);
    va_end(args);
}

void log_info(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_line(LOG_INFO, "", fmt, args);
    va_end(args);
}

void log_debug(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_line(LOG_DEBUG, "debug: ", fmt, args);
    va_end(args);
}
