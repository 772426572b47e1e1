"""A first scan of a device's events for its protocol and its largest values."""

from capture._native.evdev.codes cimport *


cdef void look(Seen *seen, int type, int code, int32_t value) noexcept nogil:
    if type == EV_ABS:
        if code == ABS_MT_TRACKING_ID or code == ABS_MT_SLOT:
            if seen.protocol != TYPE_A:
                seen.protocol = TYPE_B
        elif code == ABS_MT_POSITION_X:
            seen.max_mt_x = max(seen.max_mt_x, value)
        elif code == ABS_MT_POSITION_Y:
            seen.max_mt_y = max(seen.max_mt_y, value)
        elif code == ABS_X:
            seen.places = True
            seen.max_x = max(seen.max_x, value)
        elif code == ABS_Y:
            seen.max_y = max(seen.max_y, value)
    elif type == EV_SYN:
        if code == SYN_MT_REPORT:
            seen.protocol = TYPE_A
    elif type == EV_KEY and code == BTN_TOUCH:
        seen.touch_button = True
        if seen.protocol == UNKNOWN:
            seen.protocol = SINGLE
    elif type == EV_KEY and code == BTN_LEFT:
        seen.left_button = True
    elif type == EV_REL and code == REL_X:
        seen.rel = True
