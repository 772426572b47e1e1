"""Doubts about a log, in words."""

from __future__ import annotations

__all__ = ["ASSUMED", "CAUSES"]

#: Doubts about a log, by the cause under which `TouchLog.warnings` counts them.
CAUSES = {
    "clock_steps": "the clock jumped forward by more than an hour",
    "dropped_by_device": "the device lost events (SYN_DROPPED); open contacts were cancelled",
    "cut_off": "the log ends too early; the part before was read",
    "date_order_guessed": "whether day or month is first in the dates was guessed: no day is above 12",
    "density_from_resolution": "the density is that of the panel's resolution: 1 px is 1/160 inch "
    "(--density, --screen)",
    "down_while_down": "a finger came down that was down already",
    "duplicate_events": "an event was logged more than once; the copies were left out",
    "guessed_columns": "the columns were guessed by their names (--columns gives them)",
    "guessed_range": "the axis range is not in the log; the largest value seen served, which stretches "
    "places unless touches reach the edges (--axis-max X,Y gives the range)",
    "guessed_screen": "the size of the window is not in the log; it was guessed (--screen gives it)",
    "hovering": "contacts hovered and never touched; they are no strokes",
    "history_not_printed": "samples were batched into an event and not printed with it",
    "missing_lift": "a finger was still down at the end",
    "mouse_events": "events of a mouse, or of one emulated after a touch, were left out",
    "move_without_down": "a finger moved that was not down",
    "no_clock": "the log has no times; they were made up",
    "other_device_lines": "events of devices that were not chosen",
    "other_devices": "other devices in the log have touches too (--device chooses)",
    "packed_records": "records are packed in a way that is not read",
    "palms": "contacts were palms; their strokes were canceled",
    "panel_units": "the screen is not in the log; units of the panel were taken for pixels (--screen)",
    "positions_without_contact": "positions came without a contact, as in a log that starts in mid-contact",
    "protocol_changed": "the device turned out to speak another protocol than in its first events",
    "raw_units": "the axis range is not in the log; raw units were taken for pixels "
    "(--axis-max X,Y together with --screen WxH gives pixels)",
    "repeated_ids": "a contact was listed twice in one frame",
    "skipped_rows": "rows that are no touch samples were left out",
    "time_unit_doubtful": "the times make no sense for a finger in this unit "
    "(--columns time-unit=s, ms, us or ns; delta=COLUMN where they count from the row before)",
    "time_unit_guessed": "the unit of times was guessed by the gaps (--columns time-unit=s, ms, us or ns)",
    "time_went_back": "a time was earlier than the one before it",
    "unfinished_frame": "the log ended within a frame, whose events were left out",
    "unknown_codes": "events had codes that no device has",
    "unknown_lines": "lines were not understood and left out",
    "up_without_down": "a finger was lifted that was not down",
    "whole_seconds": "the times have whole seconds only: durations and velocities are not to be trusted",
}

#: Causes for assumed places, sizes or times, and the option that gives them.
ASSUMED = {
    "panel_units": "1 unit of the panel is 1 px (--screen)",
    "raw_units": "1 raw unit is 1 px (--axis-max and --screen together)",
    "guessed_range": "the largest value seen is the range (--axis-max)",
    "guessed_screen": "screen {width}x{height} (--screen)",
    "density_from_resolution": "sizes by the panel's resolution, 1/160 inch a px (--screen)",
    "guessed_columns": "columns by their names (--columns)",
    "time_unit_guessed": "the unit of times by the gaps between them (--columns time-unit=)",
    "time_unit_doubtful": "a unit of times that is doubtful (--columns time-unit=)",
    "no_clock": "times that are made up",
}
