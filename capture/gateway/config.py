"""The configuration of a gateway: one TOML file, with the errors of the run configuration."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from capture import settings
from capture.config.sections import SinkConfig
from capture.errors import ConfigError
from capture.settings import Seconds, Section, Text, is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SECTIONS", "GatewayConfig", "ProjectSection"]

_Port = Annotated[int, Meta(ge=0, le=65535)]
_Count = Annotated[int, Meta(ge=1, le=1_000_000)]
_Bytes = Annotated[int, Meta(ge=1, lt=2**48, description="bytes")]
_SomeBytes = Annotated[int, Meta(ge=0, lt=2**48, description="bytes")]
_Rate = Annotated[float, Meta(ge=0, le=1e9, description="events/s")]
_MIB = 1024 * 1024
#: Below a broker's default limit.
_MOST_IN_KAFKA = 900_000


class ListenSection(Section, frozen=True, kw_only=True):
    """``[listen]``: where the door is."""

    section: ClassVar[str] = "listen"

    #: Address to listen on; another than loopback needs TLS, or a proxy in front.
    host: Text = "127.0.0.1"
    #: Port; 0 selects a free one.
    port: _Port = 8767
    #: Processes that accept batches.
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    #: Certificate chain (PEM) and its key.
    tls_cert: Text | None = None
    tls_key: Text | None = None
    #: Whether a proxy in front ends TLS.
    behind_proxy: bool = False
    #: Addresses of proxies whose ``X-Forwarded-For`` counts.
    trusted_proxies: tuple[Text, ...] = ()
    #: Connections at a time, in all and from one address (0: any number).
    max_connections: _Count = 2000
    connections_per_address: Annotated[int, Meta(ge=0, le=1_000_000)] = 50
    #: Time (s) that a request's header, and then its body, may take to arrive.
    request_timeout_s: Seconds = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("listen.tls_cert and listen.tls_key: expected both, or neither")
        if not (is_loopback(self.host) or self.tls_cert or self.behind_proxy):
            raise ConfigError(
                f"listen.host = {self.host!r}: others can reach it; set tls_cert and tls_key, "
                "or behind_proxy = true where a proxy ends TLS"
            )


class ProjectSection(Section, frozen=True, kw_only=True):
    """``[[projects]]``: who may send."""

    section: ClassVar[str] = "projects"

    #: The project's number in batches.
    id: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    #: Environment variables with bearer tokens; several, so that one can be replaced.
    token_env: Annotated[tuple[Text, ...], Meta(min_length=1)]
    #: Wire formats that it may send.
    wires: Annotated[tuple[Literal["native", "currents"], ...], Meta(min_length=1)] = ("native", "currents")
    #: Events/s that one user may send on average (0: any number).
    rate_events_s: _Rate = 200.0
    #: Events/s that the project may send on average (0: any number).
    project_rate_events_s: _Rate = 0.0


class LimitsSection(Section, frozen=True, kw_only=True):
    """``[limits]``: limits above which requests are refused, or deferred with 503."""

    section: ClassVar[str] = "limits"

    #: A body as it comes; default: 1 MiB, or 900,000 bytes with Kafka.
    max_body_bytes: _Bytes | None = None
    #: A body after gzip.
    max_unpacked_bytes: _Bytes = 4 * _MIB
    #: Requests under way, and the bytes of their bodies.
    max_in_flight: _Count = 256
    max_in_flight_bytes: _Bytes = 64 * _MIB
    #: Free space of the journal's disk below which nothing is accepted.
    min_free_bytes: _SomeBytes = 2048 * _MIB
    #: Age (s) of the oldest unwritten segment above which nothing is accepted.
    max_lag_s: Seconds = 86_400.0
    #: Size of the quarantine above which nothing is accepted.
    quarantine_max_bytes: _Bytes = 1024 * _MIB


class JournalSection(Section, frozen=True, kw_only=True):
    """``[journal]``: batches on disk that are not yet written to files."""

    section: ClassVar[str] = "journal"

    #: Folder; a relative one starts from that of the configuration.
    path: Text = "journal"
    #: Size and age (s) at which a segment is closed and goes to the writer.
    segment_bytes: _Bytes = 64 * _MIB
    segment_age_s: Seconds = 300.0
    #: ``power``: a batch is acknowledged after a sync; ``process``: it survives a killed process alone.
    sync: Literal["power", "process"] = "power"


class KafkaSection(Section, frozen=True, kw_only=True):
    """``[kafka]``: a topic in the place of the journal, and a group of writers."""

    section: ClassVar[str] = "kafka"

    #: Addresses to start from, ``host:port``, separated by commas; none: the journal is used.
    brokers: Text | None = None
    #: Topic; it is not created. Its retention must be longer than writers may lag.
    topic: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,249}$")] = "touchcapture"
    #: Consumer group of the writers.
    group: Text = "touchcapture-writers"
    #: Size and age (s) at which a partition's events become a file.
    segment_bytes: _Bytes = 64 * _MIB
    segment_age_s: Seconds = 300.0
    #: More properties of librdkafka: ``security.protocol``, ...
    options: dict[str, str] = {}  # noqa: RUF012 - msgspec copies defaults
    #: Property of librdkafka -> environment variable with its value: ``sasl.password``, ...
    options_env: dict[str, str] = {}  # noqa: RUF012 - as above


class OutputSection(Section, frozen=True, kw_only=True):
    """``[output]``: the files."""

    section: ClassVar[str] = "output"

    #: Where files go: a folder, or ``s3://``, ``gs://`` or ``az://``.
    url: Text = "output"
    #: Folder of ``state.db``; default: that of the files, or ``state`` for a bucket or with Kafka.
    state: Text | None = None
    #: Currents records as Avro files (``parquet``, ``avro``) or as JSON lines; native events are Parquet.
    format: Literal["parquet", "avro", "jsonl"] = "parquet"
    #: Size that merged files have at most.
    target_bytes: _Bytes = 128 * _MIB
    #: Age (s) of an hour at which its files are merged.
    compact_after_s: Seconds = 3600.0
    #: Files older than this are deleted; none: never.
    retention_days: Annotated[int, Meta(ge=1, le=36_500)] | None = None
    #: Memory of the writer's database engine.
    memory_bytes: Annotated[int, Meta(ge=64 * _MIB, lt=2**48, description="bytes")] = 224 * _MIB


class DedupeSection(Section, frozen=True, kw_only=True):
    """``[dedupe]``: how long the ids of events are remembered."""

    section: ClassVar[str] = "dedupe"

    #: Days; a device keeps events for 30.
    window_days: Annotated[int, Meta(ge=1, le=3650)] = 32


class MetricsSection(Section, frozen=True, kw_only=True):
    """``[metrics]``: where ``/metrics`` is answered."""

    section: ClassVar[str] = "metrics"

    #: ``host:port`` of its own; default: the door's, for requests from loopback.
    listen: Annotated[str, Meta(pattern=r"^[^\s:]+:\d{1,5}$")] | None = None


#: Section -> its keys.
SECTIONS: dict[str, type[Section]] = {
    "listen": ListenSection,
    "limits": LimitsSection,
    "journal": JournalSection,
    "kafka": KafkaSection,
    "output": OutputSection,
    "dedupe": DedupeSection,
    "metrics": MetricsSection,
}


class GatewayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of a gateway; `load` reads it from ``gateway.toml``."""

    listen: ListenSection
    projects: tuple[ProjectSection, ...]
    limits: LimitsSection
    journal: JournalSection
    kafka: KafkaSection
    output: OutputSection
    dedupe: DedupeSection
    metrics: MetricsSection
    sinks: tuple[SinkConfig, ...]
    #: Folder that relative paths start from.
    base: Path
    #: SHA-256 of a token -> its project.
    tokens: dict[bytes, ProjectSection]

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, environ: Mapping[str, str] | None = None) -> GatewayConfig:
        """Read a configuration from a TOML file; ``CAPTURE_<SECTION>_<KEY>`` overrides it.

        Raises
        ------
        ConfigError
            When the file cannot be read or anything in it is wrong, one line for each mistake.
        """
        source = os.fspath(path)
        environ = os.environ if environ is None else environ
        tables = settings.read_toml(Path(path))
        projects = tables.pop("projects", [])
        values, problems = settings.build_sections(SECTIONS, tables, source, environ)
        built: dict[str, Any] = settings.construct(SECTIONS, values, source, problems)
        sinks = settings.build_sinks(SinkConfig, tables.get("sinks", []), source, problems)
        known = _projects(projects, source, problems)
        tokens = _tokens(known, source, environ, problems)
        names = [sink.name for sink in sinks]
        problems += [
            f"{source}: sinks.name = {name!r}: two sinks have this name; give each its own"
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        if sinks and isinstance(kafka := built.get("kafka"), KafkaSection) and kafka.brokers:
            problems.append(f"{source}: sinks: with Kafka, read the topic instead")
        if problems:
            raise ConfigError("\n".join(problems))
        base = Path(path).absolute().parent
        return cls(**built, projects=tuple(known), sinks=sinks, base=base, tokens=tokens)

    @property
    def journal_folder(self) -> Path:
        """Where the journal is."""
        return self.base / settings.expanded("journal.path", self.journal.path)

    @property
    def state_folder(self) -> Path:
        """Where ``state.db`` is, or with Kafka the folders of the writers of this machine."""
        if self.output.state is not None:
            return self.base / settings.expanded("output.state", self.output.state)
        if self.kafka.brokers or "://" in self.output.url:
            return self.base / "state"
        return self.output_folder

    @property
    def forward_folder(self) -> Path:
        """Return the folder of the batches that wait to be forwarded to sinks."""
        return self.state_folder / "forward"

    @property
    def output_folder(self) -> Path:
        """Where the files are, if they are in a folder."""
        return self.base / settings.expanded("output.url", self.output.url)

    @property
    def max_body_bytes(self) -> int:
        """The limit of a body as it comes."""
        return self.limits.max_body_bytes or (_MOST_IN_KAFKA if self.kafka.brokers else _MIB)

    def project_of(self, authorization: bytes) -> ProjectSection | None:
        """Return the project of an ``Authorization``; all tokens are compared, in constant time."""
        scheme, _, token = authorization.partition(b" ")
        digest = hashlib.sha256(token.strip()).digest()
        found = None
        for known, project in self.tokens.items():
            if hmac.compare_digest(known, digest):
                found = project
        return found if scheme.lower() == b"bearer" else None


def _projects(tables: Any, source: str, problems: list[str]) -> list[ProjectSection]:
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        problems.append(f"{source}: projects: expected [[projects]] tables, each with id and token_env")
        return []
    built: list[ProjectSection] = []
    for table in tables:
        sections: dict[str, type[Section]] = {"projects": ProjectSection}
        values, wrong = settings.build_sections(sections, {"projects": table}, source, {})
        found: dict[str, Any] = settings.construct(sections, values, source, wrong)
        problems += wrong
        built += [] if wrong else found.values()
    return built


def _tokens(
    projects: list[ProjectSection], source: str, environ: Mapping[str, str], problems: list[str]
) -> dict[bytes, ProjectSection]:
    tokens: dict[bytes, ProjectSection] = {}
    for project in projects:
        for name in project.token_env:
            token = environ.get(name, "").strip().encode()
            digest = hashlib.sha256(token).digest()
            if not token:
                problems.append(f"{source}: projects.token_env = {name!r}: no such environment variable")
            elif tokens.setdefault(digest, project).id != project.id:
                problems.append(
                    f"{source}: projects.token_env = {name!r}: another project has the same token"
                )
    return tokens
