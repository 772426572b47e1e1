"""amplitude-analytics: building an event and `Amplitude.track`."""

from amplitude import Amplitude, BaseEvent, Config
from peers.fields import FIELDS


class Contender:
    def __init__(self, url):
        settings = Config(server_url=url + "/2/httpapi", flush_queue_size=50, min_id_length=1)
        self.client = Amplitude("key", settings)
        self.call = self.track

    def track(self, fields):
        self.client.track(BaseEvent("tap", user_id="user-1", event_properties=fields))

    def prepare(self):
        return (dict(FIELDS),)

    def settle(self):
        for pending in self.client.flush() or ():
            if pending is not None:
                pending.result(60)

    def close(self):
        self.client.shutdown()
