"""The mixpanel sink: events by the import API, in strict mode."""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING, Any, Literal

from capture.formats.currents.shapes import MIXPANEL
from capture.ids import full_jitter
from capture.settings import Section, Text
from capture.sinks.answers import answer_of
from capture.sinks.base import Answer, Outcome, read_settings
from capture.sinks.client import Url, check_address
from capture.sinks.partner import NOBODY, PartnerSink, Verdict, content_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from capture.config.sections import SinkConfig
    from capture.sinks.answers import Reply
    from capture.sinks.partner import Event

__all__ = ["MixpanelSettings", "MixpanelSink"]

_HOSTS = {
    "us": "https://api.mixpanel.com",
    "eu": "https://api-eu.mixpanel.com",
    "in": "https://api-in.mixpanel.com",
}
_NOBODY = NOBODY | {"anon", "<nil>", "true", "false", "[]"}
_INSERT_ID = re.compile(r"^[A-Za-z0-9-]{1,36}$")
#: The API takes times from 1971 on, and up to an hour ahead (s).
_FIRST_TIME_S = 31_536_000
_AHEAD_S = 3600
#: Waits (s) that the API asks for after 429, 502 and 503: doubling, with a jitter on top.
_FIRST_WAIT_S, _MAX_WAIT_S, _MIN_JITTER_S, _MAX_JITTER_S = 2.0, 60.0, 1.0, 5.0


class MixpanelSettings(Section, frozen=True, kw_only=True):
    """Keys of a ``mixpanel`` sink."""

    #: Environment variable with the project's token, read at each request.
    token_env: Text = "MIXPANEL_TOKEN"  # noqa: S105 - its name
    #: Where the project's data is kept.
    region: Literal["us", "eu", "in"] = "us"
    #: Another address than the region's: a proxy, a test.
    url: Url | None = None


class MixpanelSink(PartnerSink):
    """Sends events to Mixpanel.

    Parameters
    ----------
    settings : MixpanelSettings
    name : str
        Key of its queue.
    wall_s : callable
        Seconds since the epoch.
    jitter : callable
        A random wait (s) below a ceiling (s).
    **options
        As for `PartnerSink`.
    """

    shape = MIXPANEL
    max_request_bytes = 10_000_000
    max_event_bytes = 1_000_000

    def __init__(
        self,
        settings: MixpanelSettings,
        *,
        name: str = "mixpanel",
        wall_s: Callable[[], float] = time.time,
        jitter: Callable[[float], float] = full_jitter,
        **options: Any,
    ) -> None:
        url = settings.url or _HOSTS[settings.region] + "/import?strict=1"
        super().__init__(name=name, url=url, key_env=settings.token_env, **options)
        self._wall_s = wall_s
        self._jitter = jitter
        self._failures = 0

    @classmethod
    def from_config(cls, config: SinkConfig, *, base: Path | None = None) -> MixpanelSink:
        """Make the sink of a ``[[sinks]]`` table."""
        del base
        settings = read_settings(MixpanelSettings, config)
        check_address(f"sinks.{config.name}.url", settings.url)
        return cls(settings, name=config.name)

    def _unsendable(self, record: dict[str, Any]) -> str | None:
        user_id = record.get("external_user_id")
        if user_id is None:
            return "no_user"
        if user_id.lower() in _NOBODY:
            return "forbidden_user_id"
        if not _INSERT_ID.match(record["id"]):
            return "record_id"
        if not _FIRST_TIME_S <= record["time"] <= self._wall_s() + _AHEAD_S:
            return "time"
        return None

    def _complete(self, event: dict[str, Any], key: str) -> None:
        event["properties"]["token"] = key

    def _body(self, events: Sequence[Event], key: str) -> tuple[bytes, dict[str, str]]:
        login = base64.b64encode(f"{key}:".encode()).decode()
        joined = b",".join([event.encoded for event in events])
        return b"[%b]" % joined, {"Authorization": f"Basic {login}"}

    def _judge(self, reply: Reply, events: Sequence[Event]) -> Verdict:
        answer = answer_of(reply)
        if answer.outcome is Outcome.ACCEPTED:
            self._failures = 0
            return Verdict()
        if reply.status == 400:
            return _partly(content_of(reply), events, answer)
        if reply.status in {429, 502, 503}:
            ceiling_s = _MAX_JITTER_S - _MIN_JITTER_S
            wait_s = min(_MAX_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._failures, 10))
            wait_s += _MIN_JITTER_S + self._jitter(ceiling_s)
            self._failures += 1
            asked_s = answer.retry_after_s or 0.0
            answer = Answer(Outcome.TEMPORARY, answer.reason, max(asked_s, wait_s))
        return Verdict(answer=answer)


def _partly(content: dict[str, Any], events: Sequence[Event], answer: Answer) -> Verdict:
    """Return the verdict of an answer 400: the listed records are refused, all others accepted."""
    failed = content.get("failed_records")
    refused: dict[int, str] = {}
    places = {event.id: index for index, event in enumerate(events)}
    for record in failed if isinstance(failed, list) else ():
        if isinstance(record, dict):
            # Newer answers have insert_id; both have the index.
            named = places.get(record.get("$insert_id") or record.get("insert_id") or "")
            index = record.get("index", named)
            if type(index) is int and 0 <= index < len(events):
                refused[index] = f"HTTP 400: {record.get('field', '')}: {record.get('message', '')}"[:200]
    if refused:
        return Verdict(refused=refused)
    return Verdict(answer=answer)
