/* Ctrl-C and SIGTERM as a flag, so that work ends at a good moment with its state saved. A second
 * Ctrl-C ends the process at once. */
#ifndef HARNESS_STOP_SIGNAL_H
#define HARNESS_STOP_SIGNAL_H

#include <signal.h>

/* From now on; the flag becomes non-zero on the first signal. */
const volatile sig_atomic_t *stop_signal_install(void);

/* As if the signal had come: for a worker whose sweep is gone. */
void stop_signal_raise(void);

#endif
