/* Messages for people, one line each, to stderr; never data. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "err.h"

typedef enum { LOG_QUIET, LOG_WARN, LOG_INFO, LOG_DEBUG } LogLevel;

void log_set_level(LogLevel level); /* default LOG_INFO; the one mutable global of the program */
LogLevel log_level(void);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2); /* prefixed "warning: " */
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
