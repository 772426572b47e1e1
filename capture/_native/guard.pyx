"""A lock whose waits have a deadline and that no exception between two bytecodes can leave taken."""

import threading


class BusyError(Exception):
    """The deadline of a wait for a lock is over."""


cdef class Guard:
    """A reentrant lock.

    `call` takes it, calls a function and gives it back within one C function: an exception that a signal
    handler or `PyThreadState_SetAsyncExc` raises comes before or within the function, never between.

    Parameters
    ----------
    timeout_s : float
        The longest wait (s).
    """

    cdef object lock, take, give
    cdef public double timeout_s

    def __cinit__(self, double timeout_s):
        self.timeout_s = timeout_s
        self.renew()

    cpdef renew(self):
        """Be a new lock, which nobody holds: in a forked child."""
        self.lock = threading.RLock()
        self.take, self.give = self.lock.acquire, self.lock.release

    cdef int enter(self) except -1:
        if not self.take(True, self.timeout_s):
            raise BusyError(f"a lock was not free within {self.timeout_s} s")
        return 0

    def call(self, function, *values):
        """Return what `function` returns, called with the lock held.

        Raises
        ------
        BusyError
            When it was not free in time.
        """
        cdef object give = self.give
        self.enter()
        try:
            return function(*values)
        finally:
            give()

    def __enter__(self):
        self.enter()

    def __exit__(self, *error):
        self.give()
