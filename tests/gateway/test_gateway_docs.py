"""What docs/gateway.md and README.md show of the gateway works."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

import duckdb
import pyarrow as pa
from gateway_kit import ENVIRON, NOW_MS, batch, configure, event, journal, write
from pyarrow import parquet

from capture.cli import run as cli
from capture.config import RunConfig
from capture.errors import ConfigError
from capture.gateway.config import GatewayConfig
from capture.gateway.forward import forwarding
from capture.report.fleet import fleet_page

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a gateway's files, as the page has it."""
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    config = GatewayConfig.load(configure(tmp_path), environ=ENVIRON)
    tap = {"ea": 6, "tvp": "[root]>b#buy>", "tvid": "buy", "url": "app-and://x/?title=Shop%20%3Cb%3E"}
    journal(
        config,
        batch(event(1), event(2, **tap, ur=False), event(3, **tap, ur=True)),
        batch(event(4, st="<script>"), user="00000000-0000-4000-8000-000000000001", now=NOW_MS - 10**6),
    )
    write(config)
    return tmp_path


def test_the_configurations_can_be_loaded(tmp_path):
    gateway, sink, forward, kafka = blocks("toml")
    (tmp_path / "gateway.toml").write_text(gateway)
    (tmp_path / "forward.toml").write_text(forward)
    (tmp_path / "kafka.toml").write_text(kafka)
    (tmp_path / "capture.toml").write_text("[project]\nid = 8\n" + sink)

    assert GatewayConfig.load(tmp_path / "gateway.toml", environ={"SHOP_TOKEN": "x"}).listen.port == 8767
    assert (
        GatewayConfig.load(tmp_path / "kafka.toml", environ={"SHOP_TOKEN": "x"}).kafka.topic == "touchcapture"
    )
    config = GatewayConfig.load(tmp_path / "forward.toml", environ={"SHOP_TOKEN": "x"})
    with forwarding(config) as sinks:
        assert len(sinks) == 2
    assert RunConfig.load(tmp_path / "capture.toml", environ={}).sinks[0].type == "http"


def test_the_queries_run(place):
    with duckdb.connect(":memory:") as connection:
        first, second = (connection.execute(query).fetchall() for query in blocks("sql"))

    assert first == [("screen_view", 2, 2), ("tap", 2, 1)]
    assert second == [("app-and://x/?title=Shop%20%3Cb%3E", "[root]>b#buy>", 1)]


def test_the_python_runs(place):
    pytest.importorskip("polars")
    done = subprocess.run(
        [sys.executable, "-c", blocks("python")[0]], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"


def test_the_function_of_arrow_batches(place):
    """The rest of the recipe runs in tests/scale, beside a cluster."""
    _, of_ray, of_spark = blocks("python")
    code = of_ray.partition("names =")[0].replace("import ray\n", "")
    code += of_spark.partition("spark =")[0].replace("from pyspark.sql import SparkSession\n", "")
    names = {}
    exec(code, names)  # noqa: S102 - of the page
    events = parquet.read_table("output/events").to_batches()
    found = pa.Table.from_batches(names["of_batches"](events))
    assert found.to_pylist() == [{"target_path": "[root]>b#buy>", "target_path_count": 1}]


def test_the_spark_recipe_runs(place):
    pytest.importorskip("pyspark", reason="Spark is not installed")
    pytest.importorskip("pandas", reason="Spark needs it for Arrow")
    _, of_ray, of_spark = blocks("python")
    code = of_ray.partition("names =")[0].replace("import ray\n", "") + of_spark
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[Row(target_path='[root]>b#buy>', sum(target_path_count)=1)]" in done.stdout


def test_the_commands_run(place, capsys):
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("capture ")]
    (place / "batches.jsonl").write_text("")
    for line in lines:
        words = [word for word in line.split()[1:] if "*" not in word]
        if "serve" in words:
            continue  # the other tests run it
        if "--project" in words and "import" in words:
            words.append("batches.jsonl")
        assert cli(words) == 0, line
    assert "dead taps" in (place / "fleet.html").read_text()
    assert "Gestures by target" in capsys.readouterr().out


def test_the_page_shows_texts_as_texts(place):
    page = fleet_page(place / "output", title="<i>")

    assert "<script>" not in page
    assert "<i>" not in page
    assert "Shop &lt;b&gt;" in page
    assert "Clocks that are wrong" in page
    assert fleet_page(place / "output", day="2001-01-01").count("<table>") == 0
    with pytest.raises(ConfigError, match="expected YYYY-MM-DD"):
        fleet_page(place / "output", day="today")
    with pytest.raises(ConfigError, match="no events there"):
        fleet_page(place / "journal")


def test_the_demo_of_the_readme(tmp_path, monkeypatch):
    [line] = re.findall(r"^capture (gateway demo.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert line.split() == ["gateway", "demo", "--open"]
    command = [sys.executable, "-m", "capture", "gateway", "demo", "--devices", "2"]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    for earlier in ("", ", beside 106 of earlier runs"):
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environ, check=False)

        assert done.returncode == 0, done.stderr
        counts = re.findall(r"^(\d+) events (were|are)", done.stdout, re.MULTILINE)
        assert counts[0][0] == counts[1][0] == "106"
        assert f"each once{earlier}\n" in done.stdout
    assert (tmp_path / "gateway-demo" / "fleet.html").exists()
