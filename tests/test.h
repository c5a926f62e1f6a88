/* What every unit test includes: cmocka with the headers it needs in front of it, and comparisons
 * of numbers.
 *
 * Traps: cmocka prints TAP to stdout, so a test's own prints go to stderr. A failing assert jumps
 * out of the test: build in a setup function and free in a teardown.
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* |a - b| <= atol + rtol * |b|; NaN never passes. */
static inline bool test_is_close(double a, double b, double rtol, double atol)
{
    return fabs(a - b) <= atol + rtol * fabs(b);
}

#define assert_close(a, b, rtol, atol)                                                             \
    do {                                                                                           \
        double got_ = (double)(a), want_ = (double)(b);                                            \
        if (!test_is_close(got_, want_, (rtol), (atol))) {                                         \
            fail_msg("%s = %.9g, expected %.9g (rtol %g, atol %g)", #a, got_, want_,               \
                     (double)(rtol), (double)(atol));                                              \
        }                                                                                          \
    } while (0)

/* The call has to succeed; its Err text is shown when it does not. Needs a variable `err`. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if (!(call)) fail_msg("%s failed: %s", #call, err.text);                                   \
    } while (0)

/* The call has to fail with a message that contains `part`. Needs a variable `err`. */
#define assert_fails(call, part)                                                                   \
    do {                                                                                           \
        if (call) fail_msg("%s succeeded, expected an error with \"%s\"", #call, part);            \
        if (strstr(err.text, part) == NULL) {                                                      \
            fail_msg("%s: error \"%s\" does not contain \"%s\"", #call, err.text, part);           \
        }                                                                                          \
    } while (0)

#endif
