"""Documented path of `capture.gateway.collector`, and of its faults."""

from capture.gateway.collector import Collector as Collector  # noqa: PLC0414 - a re-export
from capture.testing import Fault as Fault  # noqa: PLC0414 - a re-export
