"""mixpanel: `Mixpanel.track` with the client's own buffer, which it sends in the caller."""

from mixpanel import BufferedConsumer, Mixpanel
from peers.fields import FIELDS


class Contender:
    def __init__(self, url):
        self.consumer = BufferedConsumer(max_size=50, events_url=url + "/track")
        self.client = Mixpanel("key", consumer=self.consumer)
        self.call = self.client.track

    def prepare(self):
        return ("user-1", "tap", dict(FIELDS))

    def settle(self):
        self.consumer.flush()

    def close(self):
        self.settle()
