"""The number with the shortest decimal text that is the same 32-bit float."""

from libc.math cimport NAN, fabs, isnan, rint

from capture._native.classify cimport Record
from capture._native.recognizer cimport Gesture


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
    """Return `shortest` of a gesture's positions and measures, in the order of the record's fields.

    None where one of them is not found that way.
    """
    cdef Record *r = &gesture.record
    cdef double[12] found
    cdef double total = 0.0
    cdef int _place
    found[:] = [
        _shortest(r.x_down), _shortest(r.y_down), _shortest(r.x_up), _shortest(r.y_up),
        _shortest(r.duration), _shortest(r.distance),
        _shortest(r.velocity), _shortest(r.velocity_x), _shortest(r.velocity_y),
        _shortest(r.path_length), _shortest(r.width), _shortest(r.height),
    ]
    for _place in range(12):
        total += found[_place]
    # What is not found is NaN, and so is the sum then.
    return None if isnan(total) else [found[_place] for _place in range(12)]
