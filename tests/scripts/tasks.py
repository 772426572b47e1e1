"""A celery app on the filesystem broker whose Capture is made before the pool forks."""

import os

from celery import Celery
from forks import config

from capture import Capture

folder = os.environ["BROKER"]
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": folder,
    "data_folder_out": folder,
    "control_folder": f"{folder}/control",
}
app.conf.worker_hijack_root_logger = False
cap = Capture(config(os.environ["STORE"], os.environ["RECEIVER"]))


@app.task(ignore_result=True)
def record(number):
    cap.track_variable("task", number)
