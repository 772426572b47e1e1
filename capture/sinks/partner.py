"""Common part of the sinks of analytics partners: shaping, splitting, and answers about single events.

A partner may accept part of a request. Accepted and refused records are remembered by id until the
delivery asks for them, so that no accepted record is sent again and only refused ones become dead letters.
"""

from __future__ import annotations

import logging
import os
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import LogOnce, hide_values, plain
from capture.formats.currents.record import decode_records
from capture.formats.currents.shapes import Options
from capture.sinks.answers import EXCERPT_CHARS
from capture.sinks.base import ACCEPTED, Answer, Batch, BatchLimits, Outcome, Sink
from capture.sinks.client import HttpClient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.config.run import RunConfig
    from capture.formats.currents.shapes import Shape
    from capture.sinks.answers import Reply

__all__ = ["NOBODY", "Event", "PartnerSink", "Verdict", "content_of"]

#: Ids that stand for nobody, in lower case, at either partner.
NOBODY = frozenset(
    {"anonymous", "nil", "none", "null", "n/a", "na", "undefined", "unknown", "", "{}", "0", "-1"}
    | {"00000000-0000-0000-0000-000000000000"}
)
#: Records whose outcome is remembered, at most; beyond that they are sent again.
_MAX_REMEMBERED = 20_000
#: Longest content (bytes) of an answer: lists of the refused among 2000 events fit.
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_HEADERS = {"User-Agent": "touchcapture", "Content-Type": "application/json", "Accept": "*/*"}
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("capture.sinks")


class Event(msgspec.Struct, frozen=True, gc=False):
    """A record on its way to a partner: its id, the partner's event, and that as JSON."""

    id: str
    shaped: dict[str, Any]
    encoded: bytes


class Verdict(msgspec.Struct):
    """A partner's verdict on the events of one request.

    Attributes
    ----------
    refused : dict of int to str
        Index -> reason.
    waiting : set of int
        Those that it would take later.
    again : bool
        Whether the others are sent again now; otherwise they were accepted.
    answer : Answer or None
        Answer for the whole request, if it is not about single events.
    """

    refused: dict[int, str] = {}
    waiting: set[int] = set()
    again: bool = False
    answer: Answer | None = None


class PartnerSink(Sink, ABC):
    """Sends events to one partner's API.

    Parameters
    ----------
    name : str
        Key of its queue.
    url : str
        Where events are posted.
    key_env : str
        Environment variable with the key, read at each request.
    environ : mapping, optional
        Where the key is; default ``os.environ``.

    Attributes
    ----------
    not_sent : dict of str to int
        Records that cannot be sent, by cause.
    """

    shape: Shape
    #: Bounds of one request.
    max_events = 2000
    max_request_bytes: int
    max_event_bytes: int
    #: Around the events of a body, at most (bytes).
    _FRAME_BYTES = 1024

    def __init__(
        self, *, name: str, url: str, key_env: str, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.formats: tuple[str, ...] = ("currents",)
        # A single record may have 900,000 bytes.
        self.limits = BatchLimits(max_bytes=1_000_000)
        self.not_sent: dict[str, int] = {}
        self._log_once = LogOnce(_log)
        self.options = Options()
        self._key_env = key_env
        self._environ = os.environ if environ is None else environ
        self._client = HttpClient(url, name=name, content_bytes=_MAX_ANSWER_BYTES, environ=self._environ)
        #: Id of a record that is not sent again when its batch is -> why it was refused; "" if it was
        #: accepted. `send` forgets the ids of a batch once it has answered for all of them.
        self._settled: dict[str, str] = {}

    def configure(self, config: RunConfig) -> None:
        """Use the run configuration's section ``currents``."""
        currents = config.currents
        self.options = Options(
            currents.event_prefix, currents.custom_properties, currents.custom_event_prefix
        )

    # Specific to a partner

    @abstractmethod
    def _unsendable(self, record: dict[str, Any]) -> str | None:
        """Return why a record cannot be sent, or None; may delete fields that the partner would refuse."""

    def _complete(self, event: dict[str, Any], key: str) -> None:
        """Add the fields of an event that depend on the sink's settings or key; by default there are none."""

    @abstractmethod
    def _body(self, events: Sequence[Event], key: str) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers of a request."""

    @abstractmethod
    def _judge(self, reply: Reply, events: Sequence[Event]) -> Verdict:
        """Return the verdict on each event of an answer."""

    # The sink protocol

    def send(self, batch: Batch, timeout_s: float) -> Answer:
        """Send the records of a batch that the partner can have and has not yet."""
        key = self._environ.get(self._key_env, "").strip()
        if not key or not (key.isascii() and key.isprintable()):
            return Answer(Outcome.UNAVAILABLE, f"no usable key in the environment variable {self._key_env}")
        unsent: list[str] = []
        events, ids = self._events(batch, key, unsent)
        answer = self._send_all(events, key, time.monotonic() + timeout_s)
        if answer is not ACCEPTED:
            return answer
        refused = list(filter(None, map(self._settled.get, ids)))
        if refused and batch.event_count > 1:
            # The delivery then sends each event; known ones are answered without a request.
            return Answer(Outcome.REFUSED, f"{len(refused)} events: {refused[0]}")
        for record_id in ids:
            self._settled.pop(record_id, None)
        if refused:
            return Answer(Outcome.REFUSED, refused[0])
        for cause in unsent:
            self._count(cause)
        return ACCEPTED

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    # Internals

    def _events(self, batch: Batch, key: str, unsent: list[str]) -> tuple[list[Event], list[str]]:
        """Return the events of a batch that are still to send, and the ids of all that may be sent."""
        if len(self._settled) > _MAX_REMEMBERED:
            self._settled.clear()
        events: list[Event] = []
        ids: list[str] = []
        for record in decode_records(batch.payloads):
            is_taken = self.shape.takes(record["event_type"])
            cause = self._unsendable(record) if is_taken else "not_for_partners"
            if cause is not None:
                unsent.append(cause)
                continue
            ids.append(record["id"])
            if record["id"] in self._settled:
                continue
            shaped = self.shape.make(record, self.options)
            self._complete(shaped, key)
            encoded = _encode(shaped)
            if len(encoded) > self.max_event_bytes:
                self._settled[record["id"]] = f"{len(encoded)} bytes, more than {self.max_event_bytes}"
                continue
            events.append(Event(record["id"], shaped, encoded))
        return events, ids

    def _send_all(self, events: list[Event], key: str, deadline_s: float) -> Answer:
        """Send until each event is accepted or refused; any other answer ends it early."""
        waiting: Answer | None = None
        queue = self._requests(events)
        while queue:
            request = queue.pop(0)
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                return Answer(Outcome.TEMPORARY, "the time for one batch is over", 0.0)
            body, headers = self._body(request, key)
            reply = self._client.post(body, _HEADERS | headers, remaining_s, (key,))
            verdict = self._judge(reply, request)
            left = self._note_refused(verdict, request, key)
            answer = verdict.answer
            if answer is not None and answer.outcome is Outcome.TOO_LARGE and len(request) > 1:
                half = len(request) // 2
                queue[:0] = [request[:half], request[half:]]
                continue
            if len(left) == len(request) and (answer is not None or verdict.again):
                return answer or Answer(Outcome.REFUSED, f"HTTP {reply.status}")
            waiting = answer or waiting
            if not verdict.again:
                self._settled.update((event.id, "") for event in left)
            elif left:
                queue.insert(0, left)
        return waiting or ACCEPTED

    def _note_refused(self, verdict: Verdict, request: list[Event], key: str) -> list[Event]:
        """Note which events were refused; return those that the answer singles out in no way."""
        for index, reason in verdict.refused.items():
            if 0 <= index < len(request):
                self._settled[request[index].id] = plain(hide_values(reason, (key,)), 2 * EXCERPT_CHARS)
        single = verdict.waiting.union(verdict.refused)
        return [event for index, event in enumerate(request) if index not in single]

    def _requests(self, events: list[Event]) -> list[list[Event]]:
        requests: list[list[Event]] = []
        size = 0
        for event in events:
            length = len(event.encoded) + 1
            fits = size + length <= self.max_request_bytes - self._FRAME_BYTES
            if not requests or not fits or len(requests[-1]) == self.max_events:
                requests.append([])
                size = 0
            requests[-1].append(event)
            size += length
        return requests

    def _count(self, cause: str) -> None:
        message = "sink %s: records are not sent (%s), and counted"
        self._log_once(cause, logging.WARNING, message, self.name, cause)
        self.not_sent[cause] = self.not_sent.get(cause, 0) + 1


def content_of(reply: Reply) -> dict[str, Any]:
    """Return the JSON object in a reply; empty if it is something else."""
    try:
        return msgspec.json.decode(reply.content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
