"""segment-analytics-python: `Client.track`, its queue raised so that nothing overflows."""

from peers.fields import FIELDS
from segment.analytics.client import Client


class Contender:
    def __init__(self, url):
        self.client = Client("key", host=url, max_queue_size=10**7, upload_size=50)
        self.call = self.client.track

    def prepare(self):
        return ("user-1", "tap", dict(FIELDS))

    def settle(self):
        self.client.flush()

    def close(self):
        self.client.join()
