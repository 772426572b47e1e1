"""The number with the shortest decimal text that is the same 32-bit float."""

from libc.math cimport NAN, fabs, isnan, rint
from libc.stdint cimport int32_t, int64_t, uint8_t

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


def shortest_fields(Gesture gesture not None, slow):
    """Return the fields of a gesture's record in their order, each float as `shortest` of it; no verdict.

    `slow` is called with a float that is not found that way, and returns the text in its place.
    """
    cdef const char *at
    cdef char format
    cdef double value, found
    cdef int number
    values = []
    for number in range(STROKE_FIELDS):
        at = <const char *>&gesture.record + RECORD_FIELDS[number].offset
        format = RECORD_FIELDS[number].format[0]
        if format == b"q":
            values.append((<const int64_t *>at)[0])
        elif format == b"i":
            values.append((<const int32_t *>at)[0])
        elif format == b"B":
            values.append((<const uint8_t *>at)[0])
        elif format == b"?":
            values.append(at[0] != 0)
        else:
            value = (<const float *>at)[0] if format == b"f" else (<const double *>at)[0]
            found = _shortest(value)
            values.append(slow(value) if isnan(found) else found)
    return values
