"""Replays: what comes out, in which order, and that it comes out the same each time."""

import json
from pathlib import Path

import jsonschema
import pytest
from replay_logs import cut_chunks, flat, log, mark, screen, tap

from capture import GestureConfig, ProjectConfig, RunConfig, SessionConfig
from capture.config import BufferConfig, DeviceConfig, PrivacyConfig
from capture.errors import ConfigError, SinkError, TouchLogError
from capture.formats.schema import batch_schema
from capture.ids import derived_id
from capture.logs import ReadOptions
from capture.replay import Replay, replay
from capture.sinks import Answer, Outcome
from capture.sinks.memory import MemorySink

HEADER = ["pid", "uid", "dt", "dma", "dmo", "os", "l", "tz", "now", "to", "r", "pl"]
COMMON = ["ea", "upt", "euid", "url", "scn", "c", "ci", "o", "vo", "sn", "t"]
OWN = {4: ["st", "sl"], 6: ["tvp", "tvid", "ur"], 8: ["tvp", "tvid"]}
OWN |= {code: ["tvp", "tvid", "fd", "tvd", "tvv"] for code in (9, 10)}
OWN |= {16: ["tr"], 18: ["k", "v"], 19: ["k", "v"]}


def replayed(*paths, config=None, **options):
    sink = MemorySink()
    summary = Replay(
        paths, config=config or RunConfig(project=ProjectConfig(id=0)), sinks=[sink], **options
    ).run()
    batches = [json.loads(batch.body) for batch in sink.batches]
    for batch in batches:
        check(batch)
    return summary, batches


def check(batch):
    """Schema, key order and one session, of every batch that a test sees."""
    jsonschema.validate(batch, batch_schema(), jsonschema.Draft202012Validator)
    assert list(batch) == [key for key in HEADER if key in batch]
    assert len({event["sn"] for event in batch["pl"]}) == 1
    for event in batch["pl"]:
        assert list(event) == [key for key in COMMON if key in event] + OWN.get(event["ea"], [])


def events(batches):
    return [event for batch in batches for event in batch["pl"]]


def test_header_and_common_section_take_nothing_from_the_machine(tmp_path):
    _, [batch] = replayed(log(tmp_path, *tap(5000)))
    [event] = batch.pop("pl")

    assert batch.pop("now") > 1_600_000_000_000
    assert batch == {
        "pid": 0,
        "uid": batch["uid"],
        "dt": 5,
        "os": "",
        "l": "en_US",
        "tz": "UTC",
        "to": {"an": "0", "st": "SDK-python", "sf": "release"},
        "r": {"w": 0, "h": 0, "d": 1.0},
    }
    assert event == {
        "ea": 6,
        "upt": 5080,
        "euid": event["euid"],
        "url": "app-and://touchcapture.0/?title=",
        "scn": 0,
        "c": 0,
        "o": 0,
        "vo": event["vo"],
        "sn": 1,
        "t": 5080,
        "tvp": "[root]>",
        "tvid": "",
        "ur": True,
    }


@pytest.mark.parametrize("as_path", [str, Path])
def test_a_single_log_needs_no_list(tmp_path, as_path):
    path = as_path(log(tmp_path, *tap(0)))

    assert replay(path, tmp_path / "out").strokes == 1


def test_ids_are_derived_from_the_content(tmp_path):
    path = log(tmp_path, *tap(0, stream=7, pointer=3), *tap(200, stream=7, pointer=2))
    summary, [batch] = replayed(path)
    seed = summary.logs[0].seed

    assert len(seed) == 64
    assert batch["uid"] == derived_id(seed)
    assert [event["euid"] for event in batch["pl"]] == [
        derived_id(f"{seed}/7/3/0"),
        derived_id(f"{seed}/7/2/1"),
    ]


def test_the_same_log_gives_the_same_events(tmp_path):
    path = log(tmp_path, *flat(*(tap(index * 700, travel=index * 9.0) for index in range(120))))
    first, second = (replay([path], tmp_path / name) for name in "ab")
    bodies = [
        [
            line.partition(b',"pl":')[2]
            for line in (tmp_path / name / "batches.jsonl").read_bytes().splitlines()
        ]
        for name in "ab"
    ]

    assert first.complete
    assert second.events == first.events > 50
    assert len(bodies[0]) == 2 + first.events // 50 - 1
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("size", [1, 7, 600])
def test_chunks_of_any_size_give_the_same_batches(tmp_path, monkeypatch, size):
    rows = [screen(0, "Home", stream=1)]
    for index in range(600):
        stream, pointer = index % 3, index % 2
        # The third stream pauses for longer than a session lasts.
        at_ms = index * 300 + (3_600_000 if stream == 2 and index > 300 else 0)
        if index % 5 == 0:
            rows.append(mark(at_ms, "target", stream=stream, pointer=pointer, id=f"b{index}"))
        if index % 97 == 0:
            rows.append(screen(at_ms, f"Screen {index}", stream=stream))
        rows += tap(at_ms, stream=stream, pointer=pointer, travel=60.0 * (index % 4))
    path = log(tmp_path, *rows)
    summary, whole = replayed(path)
    cut_chunks(monkeypatch, size)
    again, cut = replayed(path)

    assert [batch["pl"] for batch in cut] == [batch["pl"] for batch in whole]
    assert again == summary
    assert summary.events == len(events(whole))
    assert summary.sessions == 4


def test_batches_hold_at_most_batch_size_events(tmp_path):
    config = RunConfig(project=ProjectConfig(id=0), buffer=BufferConfig(batch_size=7))
    _, batches = replayed(log(tmp_path, *flat(*(tap(index * 500) for index in range(17)))), config=config)

    assert [len(batch["pl"]) for batch in batches] == [7, 7, 3]


@pytest.mark.parametrize(
    ("gap_ms", "sessions"),
    [
        pytest.param(1_799_999, [1, 1], id="just-under-the-timeout"),
        pytest.param(1_800_000, [1, 2], id="exactly-the-timeout"),
    ],
)
def test_a_session_ends_by_its_timeout(tmp_path, gap_ms, sessions):
    # From UP to UP: that is when the events are.
    _, batches = replayed(log(tmp_path, *tap(0), *tap(gap_ms)))

    assert [event["sn"] for event in events(batches)] == sessions
    assert len(batches) == len(set(sessions))


def test_streams_are_chains_in_the_order_of_their_first_samples(tmp_path):
    # Stream 9 comes down first and ends last; stream 4 has two sessions.
    long, hour = tap(0, stream=9, hold_ms=2000), 3_600_000
    rows = [long[0], *tap(100, stream=4), long[1], *tap(hour, stream=4), *tap(hour + 10, stream=9)]
    summary, batches = replayed(log(tmp_path, *rows))

    assert summary.sessions == 4
    assert [(event["sn"], event["ea"], event["t"]) for event in events(batches)] == [
        (1, 8, 2000),
        (2, 6, hour + 90),
        (3, 6, 180),
        (4, 6, hour + 80),
    ]


def test_the_end_of_a_log_ends_its_session(tmp_path):
    paths = [log(tmp_path, *tap(at), name=f"{at}.touch.jsonl") for at in (0, 500)]
    summary, batches = replayed(*paths)

    assert [event["sn"] for event in events(batches)] == [1, 2]
    assert {batch["uid"] for batch in batches} == {derived_id(summary.logs[0].seed)}


def test_a_stroke_that_is_not_recognised_becomes_no_event(tmp_path):
    path = log(tmp_path, *tap(0, travel=30.0), *tap(1000)[:1])
    summary, batches = replayed(path)

    assert batches == []
    assert summary.reasons == {"between_slop_and_drag": 1, "incomplete": 1}
    assert summary.complete


def test_screens_name_what_was_shown_at_the_down(tmp_path):
    stroke = tap(1000, hold_ms=700)
    rows = [screen(0, "Home"), stroke[0], screen(1200, "Shop", path=["a b"]), stroke[1], *tap(2000)]
    _, batches = replayed(log(tmp_path, *rows))

    assert [(event["ea"], event["url"], event["scn"]) for event in events(batches)] == [
        (4, "app-and://touchcapture.0/?title=Home", 1),
        (4, "app-and://touchcapture.0/a%20b?title=Shop", 2),
        (8, "app-and://touchcapture.0/?title=Home", 1),
        (6, "app-and://touchcapture.0/a%20b?title=Shop", 2),
    ]


def test_load_times_are_since_the_last_gesture(tmp_path):
    rows = [screen(0, "One"), *tap(1000), screen(1250, "Two"), *tap(2000, travel=30.0), screen(2500, "Three")]
    _, batches = replayed(log(tmp_path, *rows))

    assert [event["sl"] for event in events(batches) if event["ea"] == 4] == [0, 170, 420]


def test_a_gesture_that_opens_a_session_has_no_screen_count_but_the_screen(tmp_path):
    _, batches = replayed(log(tmp_path, screen(0, "Home"), *tap(4_000_000)))
    last = events(batches)[-1]

    assert (last["sn"], last["scn"]) == (2, 0)
    assert last["url"].endswith("title=Home")


def test_targets_belong_to_the_next_down_of_their_pointer(tmp_path):
    target = mark(0, "target", pointer=0, path="[root]>ok#b1>", id="b1", responsive=False)
    _, batches = replayed(log(tmp_path, target, *tap(10), *tap(1000)))

    assert [(event["tvp"], event["tvid"], event["ur"]) for event in events(batches)] == [
        ("[root]>ok#b1>", "b1", False),
        ("[root]>", "", True),
    ]


@pytest.mark.parametrize(
    ("target", "verdict", "expected"),
    [
        pytest.param(None, False, False, id="learnt-to-be-dead"),
        pytest.param(None, True, True, id="learnt-to-react"),
        pytest.param(None, None, False, id="not-learnt-unknown"),
        pytest.param(True, None, True, id="not-learnt-known"),
        pytest.param(True, False, False, id="the-verdict-comes-later"),
        pytest.param(False, True, True, id="the-verdict-comes-later-alive"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_a_verdict_before_the_up_says_whether_the_target_reacts(
    tmp_path, monkeypatch, size, target, verdict, expected
):
    cut_chunks(monkeypatch, size)
    down, up = tap(10)
    rows = [
        mark(10, "target", pointer=0, id="b1", responsive=target),
        down,
        mark(90, "verdict", pointer=0, responsive=verdict),
        up,
        *tap(1000),
    ]
    config = RunConfig(project=ProjectConfig(id=0), gestures=GestureConfig(unknown_responsive=False))
    summary, batches = replayed(log(tmp_path, *rows), config=config)

    assert [(event["tvid"], event["ur"]) for event in events(batches)] == [("b1", expected), ("", False)]
    assert summary.logs[0].ignored == {}


def test_verdicts_belong_to_the_stroke_of_their_pointer_that_is_down(tmp_path):
    (first, first_up), (third, third_up) = tap(10), tap(2000)
    rows = [
        # Of strokes that were not recorded: one before, one of another finger.
        mark(0, "verdict", pointer=0, responsive=False),
        first,
        mark(50, "verdict", pointer=1, responsive=False),
        first_up,
        *tap(1000, pointer=1),
        third,
        mark(2080, "verdict", pointer=0, responsive=False),
        third_up,
    ]
    _, batches = replayed(log(tmp_path, *rows))

    assert [event["ur"] for event in events(batches)] == [True, True, False]


def test_marks_become_events(tmp_path):
    rows = [
        mark(0, "app_start"),
        mark(10, "transaction", value=20, currency="eur", id="32a"),
        mark(20, "variable", key="tier", value="gold"),
        mark(30, "variable", key="level", value=3),
        mark(40, "app_hide"),
        mark(50, "somebody_else's"),
        *tap(100),
    ]
    _, batches = replayed(log(tmp_path, *rows))
    made = events(batches)

    assert [event["ea"] for event in made] == [0, 16, 18, 19, 2, 6]
    assert made[1]["tr"] == {"vl": 20.0, "cu": 978, "id": "32a"}
    assert (made[2]["k"], made[2]["v"], made[3]["v"]) == ("tier", "gold", 3)
    assert len({event["euid"] for event in made}) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(screen(0, ""), id="screen-without-name"),
        pytest.param(mark(0, "transaction", value=1, currency="XXQ"), id="unknown-currency"),
        pytest.param(mark(0, "transaction"), id="nothing-in-it"),
        pytest.param(mark(0, "variable", key="k", value=1.5), id="float-variable"),
        pytest.param(mark(0, "target", path=5), id="path-is-no-text"),
        pytest.param(mark(0, "verdict", responsive="yes"), id="verdict-is-no-bool"),
    ],
)
def test_a_mark_that_cannot_be_an_event_is_counted(tmp_path, wrong):
    summary, batches = replayed(log(tmp_path, wrong, *tap(100)))

    assert [event["ea"] for event in events(batches)] == [6]
    assert summary.logs[0].ignored == {"unused_marks": 1}


def test_start_time_moves_the_wall_clock_and_not_the_uptime(tmp_path):
    _, batches = replayed(
        log(tmp_path, *tap(5000), *tap(6000)), options=ReadOptions(start_time_ms=1_700_000_000_000)
    )

    assert [(event["t"], event["upt"]) for event in events(batches)] == [
        (1_700_000_000_080, 5080),
        (1_700_000_001_080, 6080),
    ]


@pytest.mark.parametrize(
    ("options", "device", "expected"),
    [
        pytest.param({}, {}, ({"w": 0, "h": 0, "d": 1.0}, 0), id="nothing-known"),
        pytest.param(
            {"screen": (2340, 1080), "density": 2.75},
            {},
            ({"w": 1080, "h": 2340, "d": 2.75}, 1),
            id="options",
        ),
        pytest.param(
            {"screen": (100, 200), "density": 2.0},
            {"width": 50, "height": 60, "density": 4.0, "orientation": 1},
            ({"w": 50, "h": 60, "d": 4.0}, 1),
            id="configuration-wins",
        ),
    ],
)
def test_resolution_and_orientation(tmp_path, options, device, expected):
    config = RunConfig(project=ProjectConfig(id=0), device=DeviceConfig(**device))
    _, [batch] = replayed(log(tmp_path, *tap(0)), config=config, options=ReadOptions(**options))

    assert (batch["r"], batch["pl"][0]["o"]) == expected


def test_density_counts_for_the_strokes_and_each_log_has_its_own(tmp_path):
    paths = [
        log(tmp_path, *tap(0, travel=60.0), name=f"{name}.touch.jsonl", info={"density": density, "width": 1})
        for name, density in (("a", 1.0), ("b", 4.0))
    ]
    _, batches = replayed(*paths)

    assert [(batch["r"]["d"], batch["pl"][0]["ea"]) for batch in batches] == [(1.0, 10), (4.0, 6)]


def test_a_density_out_of_range_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"density = 0\.5: expected a number from 0\.75 to 10"):
        replayed(log(tmp_path, *tap(0), info={"density": 0.5}))


def test_project_thresholds_and_masks_of_the_configuration_count(tmp_path):
    config = RunConfig(
        project=ProjectConfig(id=8, app_name="Shop", app_id="shop", app_version="1.2"),
        gestures=GestureConfig(tap_timeout_ms=10),
        session=SessionConfig(timeout_s=1),
        privacy=PrivacyConfig(hide_titles=("Se*",), hide_with="drop", sampling=0.0),
    )
    _, batches = replayed(log(tmp_path, screen(0, "Secret"), *tap(100), *tap(2000)), config=config)

    assert {batch["pid"] for batch in batches} == {8}
    assert [(event["ea"], event["url"], event["sn"]) for event in events(batches)] == [
        (4, "app-and://shop/?title=", 1),
        (8, "app-and://shop/?title=", 1),
        (8, "app-and://shop/?title=", 2),
    ]
    assert events(batches)[0]["vo"]["av"] == "1.2"


def test_an_earlier_output_is_replaced_even_by_nothing(tmp_path):
    out = tmp_path / "out"
    replay([log(tmp_path, *tap(0))], out)
    before = (out / "batches.jsonl").read_bytes()
    summary = replay([log(tmp_path, *tap(0, travel=30.0))], out)

    assert before.count(b"\n") == 1
    assert (out / "batches.jsonl").read_bytes() == b""
    assert json.loads((out / "summary.json").read_bytes())["strokes"] == summary.strokes == 1


def test_a_log_that_cannot_be_read_leaves_an_earlier_output_alone(tmp_path):
    out = tmp_path / "out"
    replay([log(tmp_path, *tap(0))], out)
    before = (out / "batches.jsonl").read_bytes()
    with pytest.raises(TouchLogError, match="no such file"):
        replay([tmp_path / "missing"], out)

    assert (out / "batches.jsonl").read_bytes() == before


def test_what_was_read_before_a_bad_line_is_delivered(tmp_path):
    path = log(tmp_path, *tap(0))
    with path.open("ab") as file:
        file.write(b"{" * (2 << 20))
    later = log(tmp_path, *tap(0), name="z.touch.jsonl")
    with pytest.raises(TouchLogError, match=r":3: the line is longer than 1 MiB"):
        replay([later, path], tmp_path / "out")

    assert (tmp_path / "out" / "batches.jsonl").read_bytes().count(b"\n") == 1
    assert json.loads((tmp_path / "out" / "summary.json").read_bytes())["complete"] is False


def test_a_sink_that_is_not_there_ends_the_replay(tmp_path):
    sink = MemorySink("shop", answers=lambda _: Answer(Outcome.UNAVAILABLE, "HTTP 401"))
    job = Replay(
        [log(tmp_path, *tap(0))], tmp_path, config=RunConfig(project=ProjectConfig(id=0)), sinks=[sink]
    )
    with pytest.raises(SinkError, match="'shop': not delivered: HTTP 401"):
        job.run()

    assert not job.summary.complete
    assert job.summary.events == 1
    assert (job.summary.strokes, job.summary.kinds, job.summary.reasons) == (1, {"tap": 1}, {"recognized": 1})
    assert not (tmp_path / "batches.jsonl").exists()


def test_a_refused_event_makes_the_replay_incomplete(tmp_path):
    sink = MemorySink(answers=[Answer(Outcome.REFUSED, "HTTP 422")])
    job = Replay([log(tmp_path, *tap(0))], config=RunConfig(project=ProjectConfig(id=0)), sinks=[sink])

    assert job.run().complete is False
    assert job.summary.sinks["memory"].dead_letters == 1


def test_without_sink_and_output_there_is_nowhere_to_go(tmp_path):
    with pytest.raises(ConfigError, match="no sink is configured"):
        Replay([tmp_path], config=RunConfig(project=ProjectConfig(id=0)))


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_speed_must_be_positive(tmp_path, speed):
    with pytest.raises(ConfigError, match="speed"):
        Replay([tmp_path], tmp_path, speed=speed)


def test_interrupted_it_keeps_what_was_read(tmp_path):
    import signal

    path = log(tmp_path, *tap(0))
    other = log(tmp_path, *tap(0), name="other.touch.jsonl")
    job = Replay(
        [path, other],
        tmp_path / "out",
        config=RunConfig(project=ProjectConfig(id=0)),
        on_progress=lambda _: signal.raise_signal(signal.SIGINT),
    )
    with pytest.raises(KeyboardInterrupt):
        job.run()

    assert len(job.summary.logs) == 1
    assert not job.summary.complete
    assert (tmp_path / "out" / "batches.jsonl").read_bytes().count(b"\n") == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_log_whose_times_are_not_since_the_epoch_is_refused_where_a_sink_takes_currents_records(tmp_path):
    path = log(tmp_path, *tap(5_021_886))
    config = RunConfig(project=ProjectConfig(id=0))
    records = MemorySink("records", formats=("currents",))

    with pytest.raises(TouchLogError, match=r"has times .* \(the first is 5021\.89 s\); --start-time MS"):
        Replay([path], config=config, sinks=[MemorySink(), records], needs_epoch=True).run()
    assert not records.attempts

    begun = ReadOptions(start_time_ms=1_700_000_000_000)
    assert Replay([path], config=config, sinks=[records], options=begun, needs_epoch=True).run().complete
    payloads = [json.loads(payload) for batch in records.batches for payload in batch.payloads]
    assert {each["time"] for each in payloads} == {1_700_000_000}
    # The native wire has no dates to be wrong.
    assert Replay([path], config=config, sinks=[MemorySink()], needs_epoch=True).run().complete
