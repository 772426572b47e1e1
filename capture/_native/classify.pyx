"""From the measures of a finished stroke to its record; what is not needed for every stroke."""

from libc.math cimport sqrt


cdef void clamp(Record *r, double vx, double vy, double limit) noexcept nogil:
    """Set the release velocity (dp/s), shortened to `limit` in its own direction."""
    cdef double length = sqrt(vx * vx + vy * vy)
    if length > limit:
        vx *= limit / length
        vy *= limit / length
        length = limit
    r.velocity = <float>length
    r.velocity_x = <float>vx
    r.velocity_y = <float>vy
