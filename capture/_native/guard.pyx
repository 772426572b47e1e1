"""A lock whose waits have a deadline and that no exception between two bytecodes can leave taken."""

cdef extern from "pythread.h" nogil:
    ctypedef void *PyThread_type_lock
    PyThread_type_lock PyThread_allocate_lock()
    void PyThread_free_lock(PyThread_type_lock lock)
    int PyThread_acquire_lock(PyThread_type_lock lock, int wait)
    int PyThread_acquire_lock_timed(PyThread_type_lock lock, long long microseconds, int interruptible)
    void PyThread_release_lock(PyThread_type_lock lock)
    unsigned long PyThread_get_thread_ident()

cdef extern from "forks.h" nogil:
    int watch_forks "capture_watch_forks"() noexcept
    int forks "capture_forks"() noexcept

if watch_forks():
    raise MemoryError


def fork_count():
    """Return how often a fork led to this process since the package was imported."""
    return forks()


class BusyError(Exception):
    """The deadline of a wait for a lock is over."""


cdef class Guard:
    """A reentrant lock.

    `call` takes it, calls a function and gives it back within one C function. An exception that a signal
    handler or `PyThreadState_SetAsyncExc` raises comes before or within the function, never between.

    Parameters
    ----------
    timeout_s : float
        The longest wait (s).
    """

    cdef PyThread_type_lock lock
    cdef unsigned long owner
    cdef int depth                      # how often the owner holds it
    cdef public double timeout_s

    def __cinit__(self, double timeout_s):
        self.timeout_s = timeout_s
        self.renew()

    def __dealloc__(self):
        if self.lock != NULL:
            PyThread_free_lock(self.lock)

    cpdef renew(self):
        """Be a new lock, which nobody holds: in a forked child. The old one may be held: it is not freed."""
        self.lock = PyThread_allocate_lock()
        if self.lock == NULL:
            raise MemoryError
        self.owner = self.depth = 0

    cdef int enter(self) except -1:
        cdef unsigned long own = PyThread_get_thread_ident()
        cdef long long most_us = <long long>(self.timeout_s * 1e6)
        cdef int taken
        if self.depth and self.owner == own:
            self.depth += 1
            return 0
        taken = PyThread_acquire_lock(self.lock, 0)
        if not taken:
            with nogil:
                taken = PyThread_acquire_lock_timed(self.lock, most_us, 0)
        if taken != 1:
            raise BusyError(f"a lock was not free within {self.timeout_s} s")
        self.owner, self.depth = own, 1
        return 0

    cdef void leave(self) noexcept:
        if self.depth and self.owner == PyThread_get_thread_ident():    # else it was renewed meanwhile
            self.depth -= 1
            if self.depth == 0:
                self.owner = 0
                PyThread_release_lock(self.lock)

    def call(self, function, *values):
        """Call `function` with the lock held; return its result.

        Raises
        ------
        BusyError
            When it was not free in time.
        """
        self.enter()
        try:
            return function(*values)
        finally:
            self.leave()

    def __enter__(self):
        self.enter()

    def __exit__(self, *error):
        self.leave()
