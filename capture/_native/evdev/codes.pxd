"""Event types and codes, as linux/input-event-codes.h numbers them, protocols and actions."""

cdef enum:
    EV_SYN = 0
    EV_KEY = 1
    EV_REL = 2
    EV_ABS = 3
    EV_OTHER = 4  # any type that is none of ours
    EV_MAX = 0x1f
    SYN_REPORT = 0
    SYN_MT_REPORT = 2
    SYN_DROPPED = 3
    REL_X = 0
    BTN_LEFT = 0x110
    BTN_TOUCH = 0x14a
    KEY_MAX = 0x2ff
    ABS_X = 0x00
    ABS_Y = 0x01
    ABS_MT_SLOT = 0x2f
    ABS_MT_TOUCH_MAJOR = 0x30
    ABS_MT_POSITION_X = 0x35
    ABS_MT_POSITION_Y = 0x36
    ABS_MT_TOOL_TYPE = 0x37
    ABS_MT_TRACKING_ID = 0x39
    ABS_MT_PRESSURE = 0x3a
    ABS_MT_DISTANCE = 0x3b
    ABS_MAX = 0x3f
    TOOL_PALM = 2
    OTHER_CODE = -1  # any code that is none of ours
    # how a device speaks
    UNKNOWN = 0
    SINGLE = 1
    TYPE_A = 2
    TYPE_B = 3

cdef extern from "../actions.h":
    enum:
        DOWN "CAPTURE_DOWN"
        UP "CAPTURE_UP"
        MOVE "CAPTURE_MOVE"
        CANCEL "CAPTURE_CANCEL"
