/* Made by scripts/make_rule.py from capture.gestures.kinds: do not edit. */
#ifndef CAPTURE_ACTIONS_H
#define CAPTURE_ACTIONS_H

enum { CAPTURE_DOWN = 0, CAPTURE_UP = 1, CAPTURE_MOVE = 2, CAPTURE_CANCEL = 3 };

#endif
