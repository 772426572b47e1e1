"""A Kafka cluster on loopback without Kafka: the mock brokers of librdkafka."""

import contextlib
import ctypes
from pathlib import Path

import confluent_kafka


class Cluster:
    """A mock cluster; its owner is a client whose handle has it."""

    def __init__(self, brokers=3):
        self._owner = confluent_kafka.Producer(
            {"bootstrap.servers": "", "test.mock.num.brokers": brokers, "log_level": 0}
        )
        folder = Path(confluent_kafka.__file__).parent
        names = [*folder.parent.glob("confluent_kafka.libs/librdkafka*"), *folder.glob("cimpl*.so")]
        self._library = ctypes.CDLL(str(names[0]))
        find = self._library.rd_kafka_handle_mock_cluster
        find.restype, find.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
        # The object begins with its header of two words; librdkafka's handle is its first field.
        handle = ctypes.c_void_p.from_address(id(self._owner) + 2 * ctypes.sizeof(ctypes.c_void_p)).value
        self._cluster = find(handle)
        servers = self._library.rd_kafka_mock_cluster_bootstraps
        servers.restype, servers.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
        self.brokers = servers(self._cluster).decode()
        self.numbers = range(1, brokers + 1)
        with contextlib.suppress(AttributeError):  # older ones let a group wait 3 s for more members
            delay = self._library.rd_kafka_mock_group_initial_rebalance_delay_ms
            delay.restype, delay.argtypes = None, [ctypes.c_void_p, ctypes.c_int32]
            delay(self._cluster, 100)

    def topic(self, name, partitions=4):
        create_topic = self._library.rd_kafka_mock_topic_create
        create_topic.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
        assert create_topic(self._cluster, name.encode(), partitions, 1) == 0

    def switch(self, on):
        for number in self.numbers:
            name = "rd_kafka_mock_broker_set_up" if on else "rd_kafka_mock_broker_set_down"
            call = getattr(self._library, name)
            call.argtypes = [ctypes.c_void_p, ctypes.c_int32]
            assert call(self._cluster, number) == 0

    def close(self):
        self._owner.flush(0)
