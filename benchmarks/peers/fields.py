"""The fields of a tap event, as an app would hand them to an analytics client's `track`."""

FIELDS = {
    "uptime_ms": 123_456_789,
    "url": "app-and://bench/?title=Checkout",
    "screen_count": 1,
    "connectivity": 1,
    "orientation": 0,
    "sdk_version": "0.1.0",
    "sdk_build": 100,
    "app_version": "3.1",
    "app_flavor": "release",
    "app_build": 4,
    "session_number": 1,
    "target_path": "[root]>view#id>view2>",
    "target_id": "btn_ok",
    "responsive": True,
}
