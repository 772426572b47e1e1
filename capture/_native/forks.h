/* How often this process was forked off: a child finds that its objects are its parent's, without a system
 * call. Counted also where no handler of Python's runs. */
#ifndef CAPTURE_FORKS_H
#define CAPTURE_FORKS_H

static volatile int capture_fork_count = 0;

#if defined(_WIN32)
static int capture_watch_forks(void) { return 0; }
#else
#include <pthread.h>

static void capture_forked(void) { capture_fork_count++; }
static int capture_watch_forks(void) { return pthread_atfork(0, 0, capture_forked); }
#endif

static int capture_forks(void) { return capture_fork_count; }
#endif
