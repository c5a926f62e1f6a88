/* A statement that has to abort (check(), err.h), run in a child process. */
#ifndef TESTS_ABORTS_H
#define TESTS_ABORTS_H

#include "test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define assert_dies_of(signal_number, ...)                                                         \
    do {                                                                                           \
        pid_t child_ = fork();                                                                     \
        assert_true(child_ >= 0);                                                                  \
        if (child_ == 0) {                                                                         \
            (void)close(STDERR_FILENO); /* the message is expected */                              \
            __VA_ARGS__;                                                                           \
            _exit(0);                                                                              \
        }                                                                                          \
        int status_ = 0;                                                                           \
        assert_int_equal(waitpid(child_, &status_, 0), child_);                                    \
        if (!WIFSIGNALED(status_) || WTERMSIG(status_) != (signal_number)) {                       \
            fail_msg("%s did not die of signal %d", #__VA_ARGS__, (signal_number));                \
        }                                                                                          \
    } while (0)

#define assert_aborts(...) assert_dies_of(SIGABRT, __VA_ARGS__)

#endif
