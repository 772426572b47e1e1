"""Documented path of `capture.gateway.collector`."""

from capture.gateway.collector import Collector, CollectorCounters, Fault, cannot_listen

__all__ = ["Collector", "CollectorCounters", "Fault", "cannot_listen"]
