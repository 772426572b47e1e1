"""The amplitude sink: events by the HTTP V2 API, or by its batch endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from capture.formats.currents.shapes import AMPLITUDE
from capture.settings import Section, Text
from capture.sinks.answers import answer_of
from capture.sinks.base import Answer, Outcome, read_settings
from capture.sinks.client import Url, check_address
from capture.sinks.partner import NOBODY, PartnerSink, Verdict, content_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from capture.config.sections import SinkConfig
    from capture.sinks.answers import Reply
    from capture.sinks.partner import Event

__all__ = ["AmplitudeSettings", "AmplitudeSink"]

_HOSTS = {"us": "https://api2.amplitude.com", "eu": "https://api.eu.amplitude.com"}
#: Shorter ids are removed by the API.
_MIN_ID = 5
_NOBODY = NOBODY | {"lmy47d", "empty"}
#: Lists of an answer 400: field -> indices of the events in which it is wrong.
_BY_FIELD = (
    "events_with_invalid_fields",
    "events_with_missing_fields",
    "events_with_invalid_id_lengths",
)
_THROTTLED_S = 30.0
#: A used-up daily quota comes back within 24 hours; the delivery waits an hour at most.
_QUOTA_S = 3600.0


class AmplitudeSettings(Section, frozen=True, kw_only=True):
    """Keys of an ``amplitude`` sink."""

    #: Environment variable with the API key, read at each request.
    key_env: Text = "AMPLITUDE_API_KEY"
    #: Where the project's data is kept.
    region: Literal["us", "eu"] = "us"
    #: Whether to use the batch endpoint, which takes 20 MB and more events of one user.
    batch: bool = False
    #: Another address than the region's: a proxy, a test.
    url: Url | None = None


class AmplitudeSink(PartnerSink):
    """Sends events to Amplitude.

    Parameters
    ----------
    settings : AmplitudeSettings
    name : str
        Key of its queue.
    **options
        As for `PartnerSink`.
    """

    shape = AMPLITUDE
    max_event_bytes = 1_000_000

    def __init__(self, settings: AmplitudeSettings, *, name: str = "amplitude", **options: Any) -> None:
        path = "/batch" if settings.batch else "/2/httpapi"
        super().__init__(
            name=name, url=settings.url or _HOSTS[settings.region] + path, key_env=settings.key_env, **options
        )
        self.max_request_bytes = 20_000_000 if settings.batch else 1_000_000

    @classmethod
    def from_config(cls, config: SinkConfig, *, base: Path | None = None) -> AmplitudeSink:
        """Make the sink of a ``[[sinks]]`` table."""
        del base
        settings = read_settings(AmplitudeSettings, config)
        check_address(f"sinks.{config.name}.url", settings.url)
        return cls(settings, name=config.name)

    def _unsendable(self, record: dict[str, Any]) -> str | None:
        for name in ("external_user_id", "device_id"):
            value = record.get(name)
            if value is not None and (len(value) < _MIN_ID or value.lower() in _NOBODY):
                del record[name]
        return None if "external_user_id" in record or "device_id" in record else "no_user_or_device"

    def _body(self, events: Sequence[Event], key: str) -> tuple[bytes, dict[str, str]]:
        joined = b",".join([event.encoded for event in events])
        return b'{"api_key":%b,"events":[%b]}' % (msgspec.json.encode(key), joined), {}

    def _judge(self, reply: Reply, events: Sequence[Event]) -> Verdict:
        content = content_of(reply)
        answer = answer_of(reply)
        if reply.status == 400:
            return _invalid(content, answer)
        if reply.status == 429:
            return _throttled(content, events, answer)
        return Verdict() if answer.outcome is Outcome.ACCEPTED else Verdict(answer=answer)


def _invalid(content: dict[str, Any], answer: Answer) -> Verdict:
    """Read an answer 400: the listed events are wrong, the others were not looked at."""
    refused: dict[int, str] = {}
    for name in _BY_FIELD:
        fields = content.get(name)
        for field, indices in fields.items() if isinstance(fields, dict) else ():
            refused |= dict.fromkeys(_indices(indices), f"HTTP 400: {name}: {field}")
    refused |= dict.fromkeys(_indices(content.get("silenced_events")), "HTTP 400: silenced")
    if refused:
        return Verdict(refused=refused, again=True)
    error = str(content.get("error", ""))
    if content.get("missing_field") == "api_key" or "api_key" in error or "api key" in error.lower():
        return Verdict(answer=Answer(Outcome.UNAVAILABLE, "HTTP 400: the API key is missing or wrong"))
    return Verdict(answer=answer)


def _throttled(content: dict[str, Any], events: Sequence[Event], answer: Answer) -> Verdict:
    """Read an answer 429: the listed users and devices pause, the others may continue."""
    daily = _names(content, "exceeded_daily_quota_users", "exceeded_daily_quota_devices")
    names = daily | _names(content, "throttled_users", "throttled_devices")
    waiting = set(_indices(content.get("throttled_events")))
    waiting |= {
        index
        for index, event in enumerate(events)
        if event.shaped.get("user_id") in names or event.shaped.get("device_id") in names
    }
    wait_s = max(_QUOTA_S if daily else _THROTTLED_S, answer.retry_after_s or 0.0)
    return Verdict(waiting=waiting, again=True, answer=Answer(Outcome.TEMPORARY, answer.reason, wait_s))


def _names(content: dict[str, Any], *keys: str) -> set[str]:
    return {str(name) for key in keys for name in content.get(key) or ()}


def _indices(listed: Any) -> Iterable[int]:
    return [index for index in listed if type(index) is int] if isinstance(listed, list) else []
