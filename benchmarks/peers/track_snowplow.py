"""snowplow-tracker: a self-describing event through an AsyncEmitter that keeps its connection."""

import logging

import requests
from peers.fields import FIELDS
from snowplow_tracker import AsyncEmitter, SelfDescribing, SelfDescribingJson, Subject, Tracker


class Contender:
    def __init__(self, url):
        logging.getLogger("snowplow_tracker").setLevel(logging.ERROR)
        host, _, port = url.removeprefix("http://").partition(":")
        self.session = requests.Session()
        self.emitter = AsyncEmitter(
            host,
            protocol="http",
            port=int(port),
            method="post",
            batch_size=50,
            session=self.session,
            buffer_capacity=10**7,
        )
        self.tracker = Tracker(
            "bench", self.emitter, subject=Subject().set_user_id("user-1"), encode_base64=False
        )
        self.call = self.track

    def track(self, fields):
        self.tracker.track(SelfDescribing(SelfDescribingJson("iglu:com.acme/tap/jsonschema/1-0-0", fields)))

    def prepare(self):
        return (dict(FIELDS),)

    def settle(self):
        self.emitter.sync_flush()

    def close(self):
        self.settle()
