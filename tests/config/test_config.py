"""The run configuration: every key, its default and range; one helpful line for each mistake."""

import re
from pathlib import Path

import msgspec
import pytest

from capture import ConfigError, GestureConfig, ProjectConfig, RunConfig, SinkConfig
from capture.config.run import SECTIONS
from capture.config.sections import BufferConfig
from capture.config.text import markdown_text, sections, sink_settings, toml_text
from capture.events.config import PrivacyConfig
from capture.formats import FORMATS
from capture.settings import expanded
from capture.sinks import SINKS

DOCS = Path(__file__).parents[2] / "docs"


def load(tmp_path, text, **environ):
    path = tmp_path / "capture.toml"
    path.write_text(text, encoding="utf-8")
    return RunConfig.load(path, environ=environ)


def problem(tmp_path, text, **environ):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, **environ)
    return str(caught.value)


def test_only_the_project_id_is_needed(tmp_path):
    config = load(tmp_path, "[project]\nid = 8\n")

    assert config == RunConfig(project=ProjectConfig(id=8))
    assert (config.project.app_name, config.project.app_id) == ("8", "touchcapture.8")


def test_defaults_are_those_of_the_specification():
    config = RunConfig(project=ProjectConfig(id=8))

    assert msgspec.structs.astuple(config.gestures)[:13] == (
        *("contentsquare", 500.0, 24.0, 48.0, 100.0, "mean", 8000.0, 300.0, 100.0, 3, 1000.0, 30.0, True),
    )
    assert config.session.timeout_s == 1800
    assert (config.buffer.batch_size, config.buffer.flush_interval_s, config.buffer.durability) == (
        50,
        30.0,
        "process",
    )
    assert (config.buffer.max_store_bytes, config.buffer.max_event_age_s) == (30 * 1024**2, 30 * 86_400)
    assert (config.delivery.shutdown_timeout_s, config.delivery.exit_timeout_s) == (5.0, 2.0)
    assert config.privacy.opted_in is False
    assert config.project.url_scheme == "app-and"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[project]\nid = -1", "project.id = -1: expected a whole number at least 0", id="range"),
        pytest.param("[project]\nid = 'x'", "project.id = 'x': expected a whole number", id="type"),
        pytest.param("[project]", "project.id: required; expected a whole number", id="missing"),
        pytest.param("", "project.id: required", id="empty"),
        pytest.param(
            "[project]\nid = 1\n[gestures]\ntap_timout_ms = 3",
            "gestures.tap_timout_ms: no such key; did you mean 'tap_timeout_ms'?",
            id="unknown-key",
        ),
        pytest.param(
            "[project]\nid = 1\n[gesture]\n",
            "gesture: no such section; did you mean 'gestures'?",
            id="unknown-section",
        ),
        pytest.param(
            "[project]\nid = 1\n[buffer]\ndurability = 'full'",
            "buffer.durability = 'full': expected one of process, power",
            id="choice",
        ),
        pytest.param(
            "[project]\nid = 1\n[gestures]\ntouch_slop_dp = nan",
            "gestures.touch_slop_dp = nan: expected a number",
            id="not-finite",
        ),
        pytest.param(
            "[project]\nid = 1\n[gestures]\ntouch_slop_dp = 50",
            "gestures.drag_distance_dp = 48.0: expected at least gestures.touch_slop_dp, which is 50",
            id="keys-at-odds",
        ),
        pytest.param(
            "[project]\nid = 1\n[device]\ndensity = 0.5",
            "device.density = 0.5: expected a number",
            id="density",
        ),
        pytest.param(
            "[project]\nid = 1\n[[sinks]]\n",
            "sinks[0].type: required; expected text",
            id="sink-without-type",
        ),
        pytest.param(
            "[project]\nid = 1\n[[sinks]]\ntype = 'file'\n[[sinks]]\ntype = 3",
            "sinks[1].type = 3: expected text",
            id="sink-type",
        ),
        pytest.param(
            "[project]\nid = 1\n[[sinks]]\ntype = 'file'\n[[sinks]]\ntype = 'file'",
            "sinks.name = 'file': two sinks have this name",
            id="sinks-of-one-name",
        ),
        pytest.param("gestures = 3\n[project]\nid = 1", "gestures = 3: expected a table", id="no-table"),
        pytest.param("[project\nid = 1", "not valid TOML", id="no-toml"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_key_and_what_is_allowed(tmp_path, text, expected):
    said = problem(tmp_path, text)

    assert said.startswith(f"{tmp_path / 'capture.toml'}: ")
    assert expected in said
    assert "\n" not in said


def test_keys_are_compared_only_where_each_is_right(tmp_path):
    said = problem(tmp_path, "[project]\nid = 1\n[gestures]\ntouch_slop_dp = 50\ndrag_distance_dp = 'x'\n")
    assert len(said.splitlines()) == 1
    assert "gestures.drag_distance_dp = 'x': expected a number" in said


def test_a_required_key_is_missed_beside_a_misspelt_one(tmp_path):
    said = problem(tmp_path, "[project]\nids = 1\n").splitlines()
    assert "project.ids: no such key; did you mean 'id'?" in said[0]
    assert "project.id: required" in said[1]
    said = problem(tmp_path, "[project]\nid = 'x'\n")
    assert ": required" not in said


def test_all_mistakes_are_said_at_once(tmp_path):
    said = problem(tmp_path, "[project]\nid = -1\n[session]\ntimeout = 3\n[delivery]\ntimeout_s = 0\n")

    assert [line.rpartition(": expected")[0] or line for line in said.splitlines()]
    assert len(said.splitlines()) == 3


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"missing\.toml: cannot be read: No such file"):
        RunConfig.load(tmp_path / "missing.toml", environ={})


@pytest.mark.parametrize(
    ("variable", "value", "read"),
    [
        pytest.param("CAPTURE_PROJECT_ID", "9", lambda config: config.project.id == 9, id="number"),
        pytest.param(
            "CAPTURE_PROJECT_APP_VERSION",
            "2.0",
            lambda config: config.project.app_version == "2.0",
            id="text",
        ),
        pytest.param(
            "CAPTURE_PRIVACY_OPTED_IN", "true", lambda config: config.privacy.opted_in is True, id="bool"
        ),
        pytest.param(
            "CAPTURE_PRIVACY_HIDE_IDS",
            "a*,b",
            lambda config: config.privacy.hide_ids == ("a*", "b"),
            id="list-by-commas",
        ),
        pytest.param(
            "CAPTURE_GESTURES_TOUCH_SLOP_DP",
            "8",
            lambda config: config.gestures.touch_slop_dp == 8.0,
            id="int-to-float",
        ),
        pytest.param("CAPTURE_DISABLED", "1", lambda config: config.disabled, id="disabled"),
    ],
)
def test_the_environment_overrides_the_file(tmp_path, variable, value, read):
    assert read(load(tmp_path, "[project]\nid = 8\napp_version = '1'\n", **{variable: value}))


def test_a_mistake_in_the_environment_names_the_variable(tmp_path):
    said = problem(tmp_path, "[project]\nid = 8\n", CAPTURE_BUFFER_BATCH_SIZE="many")

    assert (
        said == "CAPTURE_BUFFER_BATCH_SIZE: buffer.batch_size = 'many': expected a whole number" + said[78:]
    )
    assert said.count("\n") == 0


@pytest.mark.parametrize("name", ["batch_size", "max_store_bytes"])
def test_structs_check_themselves_in_code(name):
    with pytest.raises(ConfigError, match=rf"buffer\.{name} = 0"):
        BufferConfig(**{name: 0})


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        pytest.param(lambda: GestureConfig(rage_tap_count=1), "rage_tap_count", id="rage-tap-count"),
        pytest.param(lambda: GestureConfig(tap_timeout_ms=-1), "tap_timeout_ms", id="negative"),
        pytest.param(lambda: PrivacyConfig(sampling=1.01), "sampling", id="sampling"),
        pytest.param(lambda: ProjectConfig(id=1, url_scheme="1x"), "url_scheme", id="pattern"),
    ],
)
def test_ranges(build, expected):
    with pytest.raises(ConfigError, match=expected):
        build()


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        pytest.param(
            lambda: RunConfig(project={"id": 8}),
            "project = {'id': 8}: expected a ProjectConfig",
            id="project",
        ),
        pytest.param(
            lambda: RunConfig(project=ProjectConfig(id=8), gestures=None),
            "gestures = None: expected a GestureConfig",
            id="gestures",
        ),
        pytest.param(
            lambda: RunConfig(project=ProjectConfig(id=8), sinks=[{"type": "file"}]),
            "sinks[0] = {'type': 'file'}: expected a SinkConfig",
            id="sinks",
        ),
        pytest.param(
            lambda: RunConfig(project=ProjectConfig(id=8), sinks="file"),
            "sinks = 'file': expected SinkConfigs in a tuple",
            id="no-sinks",
        ),
        pytest.param(
            lambda: SinkConfig(type="file", wire=3),
            "sinks.wire = 3: expected text",
            id="wire",
        ),
        pytest.param(
            lambda: SinkConfig(type="file", options=3), "sinks.options = 3: expected a table", id="options"
        ),
    ],
)
def test_what_is_built_in_code_has_the_right_types(build, expected):
    with pytest.raises(ConfigError, match=re.escape(expected)):
        build()


def test_sinks_may_come_in_a_list():
    sink = SinkConfig(type="memory")

    assert RunConfig(project=ProjectConfig(id=8), sinks=[sink]).sinks[0] is sink


def test_a_home_folder_that_is_not_known_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"a\.b = '~nosuchuser/x': expected a path"):
        expanded("a.b", "~nosuchuser/x")


def test_sinks_keep_their_own_keys(tmp_path):
    config = load(tmp_path, "[project]\nid = 8\n[[sinks]]\ntype = 'file'\nname = 'a'\npath = 'x'\n")

    assert config.sinks == (SinkConfig(type="file", name="a", options={"path": "x"}),)


# What is made from the structs


def test_the_new_configuration_has_every_key_at_its_default(tmp_path):
    text = toml_text(SINKS)
    keys = [f"[{name}]" for name in SECTIONS] + [
        key.name for _, _, keys in (*sections(), *sink_settings(SINKS)) for key in keys
    ]

    assert load(tmp_path, text) == RunConfig(project=ProjectConfig(id=1))
    assert [key for key in keys if key not in text] == []


def test_what_is_commented_out_is_valid_too(tmp_path):
    keys = toml_text(SINKS).partition("# Destinations of the events")[0]
    live = re.sub(r"^# (\w+ = .+)$", r"\1", keys, flags=re.MULTILINE)

    assert load(tmp_path, live) == RunConfig(project=ProjectConfig(id=1))


def test_every_key_is_described():
    plain = {"project": 7, "device": 5}
    silent = {name: sum(not key.about for key in keys) for name, _, keys in sections()}

    assert {name: count for name, count in silent.items() if count > plain.get(name, 6)} == {}


def test_the_page_of_the_guide_is_made_from_the_structs(golden):
    golden(DOCS / "configuration.md", markdown_text(SINKS, FORMATS))


def test_the_page_of_the_command_line_is_made_from_its_help(golden):
    from capture.cli._help_text import cli_page

    golden(DOCS / "cli.md", cli_page())
