"""Linux input events in, touch samples out: the readers of evdev text and the event model."""
