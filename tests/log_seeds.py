# ruff: noqa: E501 - log lines stand as they are
"""A short log of each text format, for the tests that damage logs or cut them into blocks."""

SEEDS = {
    "getevent": b"""add device 1: /dev/input/event2\r
  name:     "ts"\r
    ABS (0003): ABS_MT_POSITION_X     : value 0, min 0, max 1079, fuzz 0, flat 0, resolution 0\r
                ABS_MT_POSITION_Y     : value 0, min 0, max 1919, fuzz 0, flat 0, resolution 0\r
[   75348.467688] /dev/input/event2: 0003 0039 00000500\r
[   75348.467688] /dev/input/event2: 0003 0035 00000352\r
[   75348.467688] /dev/input/event2: EV_ABS       ABS_MT_POSITION_Y    000002f9            \r
[   75348.467688] /dev/input/event2: EV_SYN       SYN_REPORT           00000000            \r
[   75348.567688] /dev/input/event2: 0003 0039 ffffffff\r
[   75348.567688] /dev/input/event2: 0000 0000 00000000\r
""",
    "evemu": b"""# EVEMU 1.3
N: CoolTouch System
A: 35 0 799 0 0 0
A: 36 0 479 0 0 0
E: 0.000001 0003 0039 0035
E: 0.000001 0003 0035 0400\t# EV_ABS / ABS_MT_POSITION_X 400
E: 0.000001 0003 0036 0200
E: 0.000001 0000 0000 0000
E: 0.100001 0003 0039 -001
E: 0.100001 0000 0000 0000
""",
    "evtest": b"""Input driver version is 1.0.1
  Event type 3 (EV_ABS)
    Event code 53 (ABS_MT_POSITION_X)
      Value      0
      Min        0
      Max     4095
Event: time 16.690766, type 3 (EV_ABS), code 53 (ABS_MT_POSITION_X), value 113
Event: time 16.690766, type 3 (EV_ABS), code 54 (ABS_MT_POSITION_Y), value 395
Event: time 16.690766, ++++++++++++++ SYN_MT_REPORT ++++++++++++
Event: time 16.690766, -------------- SYN_REPORT ------------
> time 16.990766, type 3 (EV_ABS), code 57   (ABS_MT_TRACKING_ID),
value 7011
Event: time 17.699848, -------------- SYN_REPORT ------------
""",
    "libinput": b"""libinput:
  version: "1.21.0"
devices:
- node: /dev/input/event9
  evdev:
    name: "Touch"
    absinfo:
      53: [0, 4095, 0, 0, 10]
      54: [0, 2047, 0, 0, 10]
  events:
  - evdev:
    - [  0,  81233,   3,  57,      46] # EV_ABS / ABS_MT_TRACKING_ID       46
    - [  0,  81233,   3,  53,    1000] # EV_ABS / ABS_MT_POSITION_X
    - [  0,  81233,   0,   0,       0] # ------------ SYN_REPORT (0) ----------
- node: /dev/input/event4
""",
    "sendevent": b"""#!/system/bin/sh
function touchev()
{
	sendevent /dev/input/event2 3 57 29
	sendevent /dev/input/event2 3 53 $1
	sendevent /dev/input/event2 0 0 0
	sendevent /dev/input/event2 3 57 4294967295
	sendevent /dev/input/event2 0 0 0
}
touchev 479 512
usleep 1500000
sleep 0.5
""",
    "reran": b"5\n0\n1,3,57,12\n1000000\n1,3,53,100\n1\n1,0,0,0\n5000000\n1,3,57,4294967295\n1\n1,0,0,0\n",
    "kvi": b"""#RECORDER1.0
(0.001, 'keyup', 0, {'key': 289, 'is_touch': False})
(1.15, 'begin', 2, {'is_touch': True, 'profile': ['pos'], 'sy': 0.71, 'sx': 0.38})
(1.45, 'update', 2, {'is_touch': True, 'profile': ['pos'], 'sy': 0.71, 'sx': 0.39})
(1.50, 'end', 2, {'is_touch': True, 'profile': ['pos'], 'sy': 0.71, 'sx': 0.39})
""",
    "jsonl": b"""{"info":{"format":"jsonl","width":100,"height":200}}
{"mark":"screen","time":5,"name":"Home"}
{"stream":0,"pointer":0,"action":0,"time":10,"x":1.5,"y":2}
{"action":"up","time":20,"x":"nan","y":null}
""",
    "csv": b"stream,pointer,action,time,x,y\n0,0,0,10,1.5,2\n0,0,2,20,1.5,2\n0,0,1,30,,nan\n",
    "motionevent": b"""06-20 D V[B]: process MotionEvent { action=ACTION_DOWN, id[0]=0, x[0]=782.0, y[0]=1485.0, \
pointerCount=1, historySize=0, eventTime=193565371, downTime=193565371, deviceId=4, source=0x1002 }
06-20 D MotionEvent { action=ACTION_POINTER_UP(1), id[0]=0, x[0]=1, y[0]=2, id[1]=3, x[1]=9, y[1]=8, eventTime=4 }
""",
    "monkeyrecorder": b"""TOUCH|{'x':536,'y':1704,'type':'downAndUp',}
DRAG|{'start':(432,1536),'end':(432,307),'duration':0.5,'steps':10,}
WAIT|{'seconds':1.0,}
""",
    "testfairy": b"""{"input": [{"y": 1140, "act": 0, "x": 566, "t": 0, "ts": 6.16}, {"t": 1, "kc": 4, "ts": 6.2},
{"y": 1140, "act": 1, "x": 566, "t": 0, "ts": 6.29}], "userInteractions": [{"kind": 1, "ts": 6.3}]}""",
    "rrweb": b"""[{"type":4,"data":{"href":"/","width":1752,"height":458},"timestamp":1634125446090},
{"type":3,"data":{"source":2,"type":7,"id":40,"x":141.5,"y":21.9},"timestamp":1634125447759},
{"type":3,"data":{"source":6,"positions":[{"x":1,"y":2,"id":4,"timeOffset":-20}]},"timestamp":1634125447800},
{"type":3,"data":{"source":2,"type":9,"id":40,"x":141.2,"y":21.7},"timestamp":1634125447905}]""",
    "strokes": b"""<?xml version="1.0" encoding="utf-8"?>
<Gesture Name="asterisk" NumPts="3"><Stroke index="1">
<Point X="51" Y="23" T="1302212416386" Pressure="128" /><Point X="88" Y="59" T="1302212416390"/>
</Stroke><Stroke><Point X="1" Y="2"/></Stroke></Gesture>""",
    "howweswipe": b"""sentence timestamp keyb_width keyb_height event x_pos y_pos x_radius y_radius angle word is_err
is_she 1581260810918 393 224 touchstart 293 13 0.18 0.18 0 is 1
is_she 1581260810988 393 224 touchmove 293 17   0 is 1 1 1
is_she 1581260811094 393 224 touchend 271 177 0.36 0.36 0 is it 1
""",
    "uitouch": b"""2024-05-02 10:11:12.345678+0200 Demo[8:9] began: {(<UITouch: 0x105e0> type: Direct; phase: Began; \
window: <UIWindow: 0x105d; frame = (0 0; 390 844)>; location in window: {120.5, 410}; previous location in window: {1, 2})}
2024-05-02 10:11:12.378901+0200 Demo[8:9] moved: {(<UITouch: 0x105e0> phase: Moved;
  location in window: {150, 400}; previous location in window: {120.5, 410})}
2024-05-02 10:11:12.378950+0200 Demo[8:9] moved: {(<UITouch: 0x105e0> phase: Moved; location in window: {150, 400})}
2024-05-02 10:11:12.441234+0200 Demo[8:9] ended: {(<UITouch: 0x105e0> phase: Ended; location in window: {210, 380})}
""",
    "libinputdebug": b"""-event3   DEVICE_ADDED   ts  seat0 default group1  cap:t  size 60x100mm ntouches 2 calib
 event3   TOUCH_DOWN    +0.000s\t0 (0) 20.83/25.00 (12.50/25.00mm)
 event3   TOUCH_FRAME   +0.000s\t
 event3   TOUCH_MOTION  5 +0.016s\t0 (0) 25.00/30.00 (15.00/30.00mm)
 event3   TOUCH_UP      +0.090s\t0 (0)
""",
    "inputevents": b"""/dev/input/event1
   name    : "ts"
waiting for events
23:59:59.990000: EV_ABS ABS_Y 341
23:59:59.990000: EV_ABS ABS_X 280
23:59:59.990000: EV_KEY BTN_TOUCH (0x14a) pressed
23:59:59.990000: EV_SYN code=0 value=0
00:00:00.060000: EV_KEY BTN_TOUCH (0x14a) released
00:00:00.060000: EV_SYN code=0 value=0
""",
    "tsprint": b"""1450000000.123456:    400    240      1
1450000000.133456: (slot 1)    410    240    255
1450000000.143456:    400    241      0
1450000000.153456: (slot 1)    410    240      0
""",
    "adbinput": b"""#!/bin/sh
adb shell input tap 540 1200
sleep 0.5
adb -s emulator-5554 shell input touchscreen swipe 500 1500 500 500 30
input motionevent DOWN 100 200
input motionevent UP 150.5 200
adb shell input keyevent 4
adb shell input tap $X $Y
""",
    "luatouch": b"""-- Resolution: 1125, 2436
touchDown(4, 550.25, 2100.50);
usleep(83341.20);
touchMove(4, 551.25, 2100.50);
mSleep(10)
touchUp(4, 550.25, 2101.00);
""",
    "monkey": b"""type= raw events
count= 10
start data >>
DispatchPointer(1000,1000,0,400,500,1,0,0,0,0,0,0)
DispatchPointer(1000,1080,1,400,500,1,0,0,0,0,0,0)
UserWait(500)
Tap(500,300)
Drag(100,800,100,300,5)
DispatchPress(KEYCODE_6)
""",
    "w3c": b"""{"actions":[{"type":"pointer","id":"f1","parameters":{"pointerType":"touch"},"actions":[
{"type":"pointerMove","duration":0,"x":100,"y":300},{"type":"pointerDown","button":0},{"type":"pause","duration":100},
{"type":"pointerMove","duration":40,"x":10,"y":90,"origin":"pointer"},{"type":"pointerUp","button":0}]}]}
""",
    "json": b"""{"app": "x", "touches": [{"t": 16, "x": 1.5, "y": 2, "phase": "began", "finger": 7},
{"t": 32, "x": 2, "y": 2, "phase": "moved", "finger": 7},
{"t": 48, "x": 3, "y": 2, "phase": "ended", "finger": 7}]}
""",
    "evdevbinary": b"""00000000: e280 0b5b d2e7 0800 0300 3900 2c00 0000  ...[......9.,...
00000010: e280 0b5b d2e7 0800 0300 3500 9a01 0000  ...[......5.....
00000020: e280 0b5b d2e7 0800 0300 3600 b300 0000  ...[......6.....
00000030: e280 0b5b d2e7 0800 0000 0000 0000 0000  ...[............
00000040: e280 0b5b 0584 0900 0300 3900 ffff ffff  ...[......9.....
00000050: e280 0b5b 0584 0900 0000 0000 0000 0000  ...[............
""",
}  # fmt: skip
