/* Errors, in the three kinds that this code base knows.
 *
 * 1. Our own mistake (a shape, a range, a broken invariant): check(cond, "fmt", ...) prints file,
 * line and values and aborts. It is always compiled in.
 * 2. Out of memory: mem_alloc & co. (mem.h) abort with the size asked for. Callers never test for
 * NULL.
 * 3. The outside world (files, YAML, CSV, images, SQLite, arguments): a function returns bool and
 * takes `Err *err` last. On failure it sets one line, `place: what was found, what was expected`,
 * and returns false:
 *
 *        MUST_USE bool thing_load(Thing **out, const char *path, Err *err);
 *        ...
 *        return err_set(err, ERR_FORMAT, "%s:%d: found \"%s\", expected a number", path, line,
 * text);
 *
 * A failed function leaves its outputs unset and owns nothing. Only main() prints an Err.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NO_RETURN         __attribute__((noreturn))

/* Hot loops marked SIMD_CLONES are compiled for several x86 levels and the best one is picked at
 * run time. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__)
#define SIMD_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SIMD_CLONES
#endif

typedef enum {
    ERR_NONE = 0,
    ERR_USAGE,      /* the command line is wrong: exit status 2 */
    ERR_IO,         /* reading, writing, locking failed */
    ERR_FORMAT,     /* the content is not what it has to be */
    ERR_NOT_FOUND,  /* a file, name or row that has to exist does not */
    ERR_INTERRUPTED /* Ctrl-C or a termination signal: state was saved */
} ErrCode;

enum { ERR_TEXT_SIZE = 1024 };

typedef struct {
    ErrCode code;
    char text[ERR_TEXT_SIZE]; /* one line, no newline at the end; cut when longer */
} Err;

/* Sets code and text; control characters in the text become '?', so that it stays one line. Always
 * returns false. */
bool err_set(Err *err, ErrCode code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "prefix: " before the text that is already there. Always returns false. */
bool err_context(Err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

NO_RETURN void check_failed(const char *file, int line, const char *cond, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

#define check(cond, ...) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond, __VA_ARGS__))

#endif
