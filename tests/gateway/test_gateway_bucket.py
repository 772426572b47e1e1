"""Output in a bucket: the same files as in a folder, merged and forgotten there too."""

import contextlib
import io

import pytest

pytest.importorskip("duckdb")
pytest.importorskip("fastavro")
pytest.importorskip("pyarrow")

from gateway_kit import ENVIRON, HOUR_MS, NOW_MS, batch, configure, event, journal, write
from pyarrow import parquet
from s3_server import s3_bucket

from capture.gateway.config import GatewayConfig
from capture.gateway.upkeep import compact, forget
from capture.gateway.writer import Writer
from capture.sinks.objects import open_objects

OTHER = "00000000-0000-4000-8000-000000000001"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def s3():
    with s3_bucket() as (client, _):
        yield client


@pytest.fixture
def config(tmp_path, s3):
    prefix = tmp_path.name
    return GatewayConfig.load(configure(tmp_path, output={"url": f"s3://bucket/{prefix}"}), environ=ENVIRON)


@contextlib.contextmanager
def opened(config):
    with contextlib.closing(Writer(config)) as writer:
        yield writer


def files(s3, config):
    prefix = config.output.url.removeprefix("s3://bucket/")
    listed = s3.list_objects_v2(Bucket="bucket", Prefix=f"{prefix}/events/").get("Contents", ())
    return [s3.get_object(Bucket="bucket", Key=each["Key"])["Body"].read() for each in listed]


def rows(s3, config):
    tables = [parquet.read_table(io.BytesIO(each)) for each in files(s3, config)]
    return sorted((str(row["user_id"]), row["uptime_ms"]) for table in tables for row in table.to_pylist())


def test_each_event_is_once_in_the_bucket(config, s3):
    journal(config, batch(event(1), event(2)))
    write(config)
    journal(config, batch(event(2), event(3)))
    write(config)

    assert [number for _, number in rows(s3, config)] == [1, 2, 3]


def test_files_are_merged_and_users_forgotten_in_the_bucket(config, s3):
    for number in (1, 2):
        journal(config, batch(event(number)), batch(event(number + 10), user=OTHER))
        write(config)
    before = rows(s3, config)
    with opened(config) as writer:
        compact(writer, config, NOW_MS + 48 * HOUR_MS)

    assert rows(s3, config) == before
    assert len(files(s3, config)) == 1
    with opened(config) as writer:
        forget(writer, config, 8, [OTHER])
    assert [number for _, number in rows(s3, config)] == [1, 2]


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_a_file_is_made_once_unless_it_is_replaced(place, s3, tmp_path):
    url = str(tmp_path / "out") if place == "folder" else f"s3://bucket/{tmp_path.name}"
    objects = open_objects(url, "output.url", None)
    made = []
    for text, replace in ((b"first", False), (b"second", False), (b"third", True)):
        local = tmp_path / "local"
        local.write_bytes(text)
        made.append(objects.move(local, "events/a.parquet", replace=replace))
        assert not local.exists()

    assert made == [True, False, True]
    assert objects.listed("events") == {"events/a.parquet": 5}
    assert objects.fetch("events/a.parquet", tmp_path / "scratch").read_bytes() == b"third"
    objects.delete("events/a.parquet")
    objects.delete("events/a.parquet")
    assert objects.listed("events") == {}
