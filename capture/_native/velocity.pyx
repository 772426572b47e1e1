"""Release velocity from the recent samples of one pointer, in px/s.

Estimators that platforms use for flings (docs/gestures.md, "Velocity strategies"): ``lsq2`` fits a parabola
and takes its slope at the newest sample; ``impulse`` accumulates the work that would push a unit mass along
the samples; ``ios`` weighs the last three segments. All want the samples in the order of time, newest last.
"""

from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t, int64_t

from capture._native.classify cimport (
    EARLY, IMPULSE, IOS, LSQ2_RESTRICTED, MEAN, OVER_STROKE, Thresholds, since_ns,
)


cdef void history_clear(History *h) noexcept nogil:
    h.count = 0
    h.newest = 0


cdef void history_add(
        History *h, const Thresholds *limits, int64_t time, float x, float y) noexcept nogil:
    """Add a DOWN or MOVE; samples that are too old are left out when the history is read."""
    cdef int64_t gap
    if h.count:
        gap = <int64_t>(<unsigned long long>time - <unsigned long long>h.time[h.newest])
        if gap < 0 or gap > limits.stop_ns:
            h.count = 0
        elif gap > 0:
            h.newest = h.newest + 1 if h.newest + 1 < SAMPLES else 0
        else:
            h.count -= 1
    h.time[h.newest] = time
    h.x[h.newest] = x
    h.y[h.newest] = y
    if h.count < SAMPLES:
        h.count += 1


cdef void history_release(
        const History *h, const Thresholds *limits, int64_t time_up, Release *to) noexcept nogil:
    """Set the velocity of the pointer whose UP comes at `time_up`, (0, 0) without enough samples, and the
    path length of its recent samples."""
    cdef double[20] s
    cdef float[20] x
    cdef float[20] y
    cdef int64_t newest
    cdef int i, ring, n = 0
    to.vx = to.vy = to.offset_x = to.offset_y = 0
    if h.count == 0:
        return
    newest = h.time[h.newest]
    # Oldest first; the ring is read backwards to find where the horizon cuts it.
    for i in range(h.count):
        ring = h.newest - i
        if since_ns(h.time[ring if ring >= 0 else ring + SAMPLES], newest) > HORIZON_NS:
            break
        n += 1
    for i in range(n):
        ring = h.newest - (n - 1 - i)
        if ring < 0:
            ring += SAMPLES
        s[i] = since_ns(newest, h.time[ring]) * 1e-9
        x[i] = h.x[ring]
        y[i] = h.y[ring]
    release(limits, s, x, y, n, since_ns(newest, time_up), to)


cdef void columns_release(
        const int64_t *time, const float *x, const float *y, int64_t first, int64_t newest,
        const Thresholds *limits, int64_t time_up, Release *to) noexcept nogil:
    """The same for a stroke whose samples lie in columns, DOWN at `first`, last MOVE at `newest`.

    Its times never fall, so that walking back from the newest sample finds the samples of the history.
    These are, of equal times, the later sample, up to the first gap, the horizon, or the twentieth.
    """
    cdef double[20] s
    cdef float[20] px
    cdef float[20] py
    cdef int64_t base = time[newest], later = base, gap
    cdef int64_t i
    cdef int n = 1, k, most = wanted(limits)
    s[SAMPLES - 1] = 0
    px[SAMPLES - 1] = x[newest]
    py[SAMPLES - 1] = y[newest]
    i = newest - 1
    while i >= first and n < most:
        gap = since_ns(time[i], later)
        if gap > limits.stop_ns or since_ns(time[i], base) > HORIZON_NS:
            break
        if gap > 0:
            n += 1
            k = SAMPLES - n
            later = time[i]
            s[k] = since_ns(base, later) * 1e-9
            px[k] = x[i]
            py[k] = y[i]
        i -= 1
    k = SAMPLES - n
    to.vx = to.vy = 0
    release(limits, &s[k], &px[k], &py[k], n, since_ns(base, time_up), to)


cdef inline int wanted(const Thresholds *limits) noexcept nogil:
    """How many of the newest samples decide: three segments, where those are weighed and nothing else."""
    cdef bint whole = limits.fling_distance_dp.value != 0 and limits.fling_over != OVER_STROKE
    return 4 if limits.velocity_strategy == IOS and limits.min_samples <= 4 and not whole else SAMPLES


cdef void release(
        const Thresholds *limits, const double *s, const float *x, const float *y, int n, int64_t rest,
        Release *to) noexcept nogil:
    """Estimate from n samples of which the newest was `rest` ns before the UP; vx and vy are 0 before."""
    cdef int32_t strategy = limits.velocity_strategy
    to.offset_x = x[n - 1] - x[0]
    to.offset_y = y[n - 1] - y[0]
    if n < 2 or n < limits.min_samples or rest > limits.up_stop_ns or strategy == MEAN or strategy == EARLY:
        return
    if strategy == IMPULSE:
        to.vx = impulse(s, x, n)
        to.vy = impulse(s, y, n)
    elif strategy == IOS:
        to.vx = weighted(s, x, n)
        to.vy = weighted(s, y, n)
    elif n == 2:
        to.vx = (<double>x[1] - <double>x[0]) / (s[1] - s[0])
        to.vy = (<double>y[1] - <double>y[0]) / (s[1] - s[0])
    else:
        lsq2(s, x, y, n, &to.vx, &to.vy)
    if strategy == LSQ2_RESTRICTED and (
            to.vx * (<double>x[n - 1] - <double>x[0]) + to.vy * (<double>y[n - 1] - <double>y[0]) < 0):
        to.vx = to.vy = 0


cdef inline double segment(const double *s, const float *p, int i) noexcept nogil:
    """Velocity of the segment that ends at sample i; 0 without a segment."""
    return (<double>p[i] - <double>p[i - 1]) / (s[i] - s[i - 1]) if i > 0 else 0.0


cdef double weighted(const double *s, const float *p, int n) noexcept nogil:
    """The last three segments, oldest first, as UIScrollView is thought to weigh them."""
    return (
        0.6 * segment(s, p, n - 3) + 0.35 * segment(s, p, n - 2) + 0.05 * segment(s, p, n - 1))


cdef void lsq2(
        const double *s, const float *x, const float *y, int n, double *vx, double *vy) noexcept nogil:
    """Slope at s = 0 of the least squares parabola through each axis; one pass for both axes."""
    cdef double s1 = 0, s2 = 0, s3 = 0, s4 = 0
    cdef double x1 = 0, sx = 0, s2x = 0, y1 = 0, sy = 0, s2y = 0
    cdef double t, t2, sxx, sxq, sqq, det
    cdef int i
    for i in range(n):
        t = s[i]
        t2 = t * t
        s1 += t
        s2 += t2
        s3 += t2 * t
        s4 += t2 * t2
        x1 += x[i]
        sx += t * x[i]
        s2x += t2 * x[i]
        y1 += y[i]
        sy += t * y[i]
        s2y += t2 * y[i]
    sxx = s2 - s1 * s1 / n
    sxq = s3 - s1 * s2 / n
    sqq = s4 - s2 * s2 / n
    det = sxx * sqq - sxq * sxq
    if not (det > 1e-12 * sxx * sqq):
        return
    vx[0] = ((sx - s1 * x1 / n) * sqq - (s2x - s2 * x1 / n) * sxq) / det
    vy[0] = ((sy - s1 * y1 / n) * sqq - (s2y - s2 * y1 / n) * sxq) / det


cdef double impulse(const double *s, const float *p, int n) noexcept nogil:
    """Final velocity of a unit mass that the samples push along one axis."""
    cdef double work = 0, v, u
    cdef int i
    for i in range(1, n):
        v = (<double>p[i] - <double>p[i - 1]) / (s[i] - s[i - 1])
        if i == 1:
            work = v * fabs(v) / 2
        else:
            u = speed(work)
            work += (v - u) * fabs(v)
    return speed(work)


cdef inline double speed(double work) noexcept nogil:
    cdef double size = sqrt(2 * fabs(work))
    return -size if work < 0 else size
