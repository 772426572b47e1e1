"""Where a user is in an app: session, screen and scene, from the times of events alone.

No clock is read and nothing is stored here. A live recorder gives the wall clock and claims sessions in its
store; a replay gives the time of its log and counts sessions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from capture.events.domain import (
    CommonSection,
    Event,
    Scene,
    ScreenView,
    event_builder,
    screen_url,
    version_origin,
)
from capture.events.session import SessionState
from capture.gestures.kinds import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from capture.events.config import ProjectConfig, SessionConfig
    from capture.events.device import Device
    from capture.events.targets import Target
    from capture.gestures.recognizer import Gesture

__all__ = ["Moment", "Timeline"]

_WITHOUT_UP = frozenset({Reason.CANCELED, Reason.INCOMPLETE})
#: When an event occurs and which it is: wall clock (ms since the epoch), system uptime (ms), event id.
Moment: TypeAlias = tuple[int, int, str]


class Timeline:
    """The rules of sessions, screens and scenes, for one user.

    The methods that make an event return it with the session's state after it. An event that is kept is
    followed by `advance` to that state. An event that is dropped leaves no trace but the session it opened
    and the name of the screen.

    Parameters
    ----------
    project : ProjectConfig
    session : SessionConfig
    device : Device
    unknown_responsive : bool
        Value of ``responsive`` in taps, if it is unknown whether the target reacts.
    open_session : callable
        Called with the last session and the time of an event for which there is no session yet (ms); returns
        the session that the event is in.
    steady : callable, optional
        Wall clock and uptime of an event (ms) -> its time for sessions and load times; default the first.

    Attributes
    ----------
    session : SessionState
    scene : Scene
        The screen that is shown now: a touch keeps the scene of its DOWN.
    device : Device
    """

    def __init__(
        self,
        project: ProjectConfig,
        session: SessionConfig,
        device: Device,
        *,
        unknown_responsive: bool,
        open_session: Callable[[SessionState, int], SessionState],
        steady: Callable[[int, int], int] = lambda time_ms, _: time_ms,
    ) -> None:
        self.device = device
        self._steady = steady
        self._project = project
        self.timeout_ms = round(session.timeout_s * 1000)
        self._unknown_responsive = unknown_responsive
        self._open_session = open_session
        self._version = version_origin(project)
        self._url = screen_url(project)
        self.resume(SessionState())

    def resume(self, session: SessionState) -> None:
        """Continue with another session, which the next event opens or claims."""
        self.session = session
        self.is_held = False
        self._update_scene()

    def set_device(self, device: Device) -> None:
        """Use other device facts from now on."""
        self.device = device
        self._update_scene()

    def end(self) -> None:
        """End the session: the next event opens another."""
        self.session = replace(self.session, ended=True)

    def is_over(self, time_ms: int, uptime_ms: int = 0) -> bool:
        """Return whether an event now would open the next session."""
        return self.session.is_over(self._steady(time_ms, uptime_ms), self.timeout_ms)

    # Events

    def event(
        self, build: Callable[[CommonSection], Event], moment: Moment, *, action: bool = False
    ) -> tuple[Event, SessionState]:
        """Return an event on the current screen; `action`: load times are measured from it."""
        time_ms, uptime_ms, event_id = moment
        now_ms = self._steady(time_ms, uptime_ms)
        state = self._session_at(now_ms)
        event = build(self.scene.common(uptime_ms, event_id, time_ms))
        return event, state.recorded(now_ms, action=action)

    def screen(self, title: str, path: Iterable[str], moment: Moment) -> tuple[ScreenView, SessionState]:
        """Return the view of a screen, which is the current one from now on."""
        time_ms, uptime_ms, event_id = moment
        now_ms = self._steady(time_ms, uptime_ms)
        state = self._session_at(now_ms)
        self._url = screen_url(self._project, title, path)
        self._update_scene()
        common = replace(self.scene, screen_count=state.screen_count + 1).common(uptime_ms, event_id, time_ms)
        return ScreenView(common, title, state.load_time_ms(now_ms)), state.recorded(now_ms, screen=True)

    def gesture(
        self, gesture: Gesture, scene: Scene, target: Target, moment: Moment
    ) -> tuple[Event, SessionState] | None:
        """Return the event of a gesture, with the scene and the target of its DOWN.

        None for a stroke that is no gesture: only load times are measured from its UP, if it has one.
        """
        time_ms, uptime_ms, event_id = moment
        build = event_builder(gesture)
        if build is None:
            if gesture.reason not in _WITHOUT_UP and not self.is_over(time_ms, uptime_ms):
                self.session = self.session.acted(self._steady(time_ms, uptime_ms))
            return None
        scene, state = self.place(scene, time_ms, uptime_ms)
        common = scene.common(uptime_ms, event_id, time_ms)
        return build(gesture, common, target, self._unknown_responsive), state

    def place(self, scene: Scene, time_ms: int, uptime_ms: int) -> tuple[Scene, SessionState]:
        """Return the scene of a gesture whose DOWN had `scene`, and the session's state after it."""
        now_ms = self._steady(time_ms, uptime_ms)
        state = self.session
        if not self.is_held or state.ended or now_ms - state.last_event_ms >= self.timeout_ms:
            state = self._session_at(now_ms)
        if scene.session_number != state.number:
            scene = self._moved(scene, state.number)
        return scene, state.recorded(now_ms, action=True)

    def advance(self, state: SessionState) -> None:
        """Go to the state after an event."""
        shown = state.screen_count != self.session.screen_count
        self.session = state
        if shown:
            self._update_scene()

    def _session_at(self, time_ms: int) -> SessionState:
        """Return the session of an event at `time_ms`: the current one, or one that is opened or claimed."""
        if self.is_held and not self.session.is_over(time_ms, self.timeout_ms):
            return self.session
        self.session = self._open_session(self.session, time_ms)
        self.is_held = True
        self._update_scene()
        return self.session

    def _update_scene(self) -> None:
        device, session = self.device, self.session
        self.scene = Scene(
            url=self._url,
            screen_count=session.screen_count,
            connectivity=device.connectivity,
            carrier_id=device.carrier,
            orientation=device.orientation,
            version_origin=self._version,
            session_number=session.number,
        )
        self._last_moved = self.scene, self.scene

    def _moved(self, scene: Scene, session: int) -> Scene:
        """Return the scene of an earlier session as it is in `session`, where its screens do not count."""
        last, moved = self._last_moved
        if last is not scene or moved.session_number != session:
            moved = replace(scene, session_number=session, screen_count=0)
            self._last_moved = scene, moved
        return moved
