"""The number with the shortest decimal text that is the same 32-bit float."""

from libc.math cimport NAN, fabs, rint


cdef double _shortest(double value) noexcept nogil:
    cdef float near = <float>value
    cdef double exact = near
    cdef double size = fabs(exact)
    cdef double power = 1.0
    cdef double candidate
    cdef int _decimals
    if size < 16777216.0:
        if exact == rint(exact):
            return exact
        if size >= 1e-5:
            # Up to 9 digits: numerator and power are exact, so their quotient is the double nearest to
            # the decimal, and its shortest text is that decimal.
            for _decimals in range(15):
                candidate = rint(exact * power) / power
                if <float>candidate == near:
                    return candidate
                power *= 10.0
    return NAN


def shortest(double value) -> float:
    """Return the number with the fewest digits that rounds to the same 32-bit float as `value`.

    NaN where `value` is not finite, below 1e-5 (but for 0) or from 2**24 on: there its digits are not
    found by counting decimals.
    """
    return _shortest(value)


def shortest_list(values not None) -> list:
    """Return `shortest` of each."""
    cdef list found = []
    cdef object value
    for value in values:
        found.append(_shortest(value))
    return found
