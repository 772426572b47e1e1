"""The number with the shortest decimal text that is the same 32-bit float."""

from libc.math cimport NAN, fabs, isnan, rint

from capture._native.recognizer cimport Gesture
from capture._native.record cimport RECORD_FIELDS, STROKE_FIELDS


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


def shortest_measures(Gesture gesture not None):
    """Return `shortest` of a gesture's floats, in the order of the record's fields; not those of its verdict.

    None if one of them is not found that way.
    """
    cdef const char *at
    cdef double value
    cdef int number
    shortest_values = []
    for number in range(STROKE_FIELDS):
        at = <const char *>&gesture.record + RECORD_FIELDS[number].offset
        if RECORD_FIELDS[number].format[0] == b"f":
            value = _shortest((<const float *>at)[0])
        elif RECORD_FIELDS[number].format[0] == b"d":
            value = _shortest((<const double *>at)[0])
        else:
            continue
        if isnan(value):
            return None
        shortest_values.append(value)
    return shortest_values
