"""A web app whose Capture is made by the master (gunicorn --preload): each worker has its own session."""

import os

from forks import config

from capture import Capture

cap = Capture(config(os.environ["STORE"], os.environ["RECEIVER"]))


def app(environ, start_response):
    cap.track_variable("path", environ["PATH_INFO"][1:])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
