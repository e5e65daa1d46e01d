"""The loudspeaker of the virtual NAO: nothing sounds, but every sample is counted.

Position is counted in samples of the robot's own clock, which may run a little fast; it
begins when the first sample sounds, some time after the order to play.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from robodance.virtual_nao.deferred import Deferred, NaoqiError
from robodance.virtual_nao.nao import VirtualNao

__all__ = ["Loudspeaker", "Sound"]


@dataclass
class Sound:
    """A loaded file.

    Attributes:
        path: As the caller named it.
        rate_hz: Samples per second.
        samples: How many there are.
        position: Sample at which it stands.
        since_s: Robot time at which it began to sound from there; None while it is silent.
        volume: 0..1.
        loops: Whether it begins again at its end.
        ended: Those who wait for its end.
    """

    path: str
    rate_hz: int
    samples: int
    position: int = 0
    since_s: float | None = None
    volume: float = 1.0
    loops: bool = False
    ended: list[Deferred] = field(default_factory=list)

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.samples / self.rate_hz


class Loudspeaker:
    """Loaded sounds and what they are doing.

    Attributes:
        sounds: Loaded sounds by id.
        volume: Master volume, 0..1.
    """

    def __init__(self, nao: VirtualNao) -> None:
        self._nao = nao
        self._rate = 1.0 + 1e-6 * nao.settings.audio_ppm
        self._next = 1
        self.sounds: dict[int, Sound] = {}
        self.volume = 0.7
        nao.audio_position = self.sounding
        nao.each_cycle.append(self._end_what_is_over)

    def load(self, path: str) -> int:
        """Load a file; returns its id.

        Raises:
            NaoqiError: There is no such file, or it holds no sound.
        """
        import soundfile

        file = self.local(path)
        if not file.is_file():
            raise NaoqiError(f"file not found: {path}")
        try:
            info = soundfile.info(str(file))
        except RuntimeError as error:
            raise NaoqiError(f"{path} is not a sound file") from error
        number, self._next = self._next, self._next + 1
        self.sounds[number] = Sound(path, int(info.samplerate), int(info.frames))
        return number

    def local(self, path: str) -> Path:
        """Return where a robot's path lies on this machine."""
        settings = self._nao.settings
        home, theirs = settings.home, f"/home/{settings.user}/"
        if not path.startswith("/"):
            raise NaoqiError(f"{path} is not an absolute path")
        if home is not None and path.startswith(theirs):
            return home / path.removeprefix(theirs)
        return Path(path)

    def unload(self, number: int) -> None:
        """Forget a sound."""
        self._silence(self.sound(number))
        del self.sounds[number]

    def sound(self, number: int) -> Sound:
        """Return a loaded sound.

        Raises:
            NaoqiError: There is none with this id.
        """
        if number not in self.sounds:
            raise NaoqiError(f"no file with id {number} is loaded")
        return self.sounds[number]

    def play(self, number: int, from_s: float | None = None, *, loops: bool = False) -> Deferred:
        """Play a sound from where it stands, or from a moment; answers at its end."""
        sound = self.sound(number)
        self._silence(sound)
        sound.loops = loops
        if from_s is not None or sound.position >= sound.samples:
            sound.position = min(round((from_s or 0.0) * sound.rate_hz), sound.samples)
        sound.since_s = self._nao.time_s + self._nao.settings.audio_latency_s
        end = Deferred()
        end.on_cancel = lambda: self._silence(sound)
        sound.ended.append(end)
        return end

    def pause(self, number: int) -> None:
        """Halt a sound where it is, or go on with it."""
        sound = self.sound(number)
        if sound.since_s is None:
            sound.since_s = self._nao.time_s + self._nao.settings.audio_latency_s
        else:
            sound.position = self.at(sound)
            sound.since_s = None

    def go_to(self, number: int, moment_s: float) -> None:
        """Go on at another moment."""
        sound = self.sound(number)
        sound.position = min(round(moment_s * sound.rate_hz), sound.samples)
        if sound.since_s is not None:
            sound.since_s = self._nao.time_s

    def stop(self) -> None:
        """Stop every sound; those who wait for an end have it."""
        for sound in self.sounds.values():
            self._silence(sound)
            sound.position = 0

    def at(self, sound: Sound) -> int:
        """Return the sample at which a sound is now."""
        if sound.since_s is None or self._nao.time_s <= sound.since_s:
            return sound.position
        played = int((self._nao.time_s - sound.since_s) * sound.rate_hz * self._rate)
        return min(sound.position + played, sound.samples)

    def sounding(self) -> float:
        """Return the position of what can be heard now, seconds; negative for silence."""
        for sound in self.sounds.values():
            if sound.since_s is not None and self._nao.time_s > sound.since_s:
                return self.at(sound) / sound.rate_hz
        return -1.0

    def _silence(self, sound: Sound) -> None:
        sound.position = self.at(sound)
        sound.since_s, sound.loops = None, False
        waiting, sound.ended = sound.ended, []
        for end in waiting:
            end.resolve()

    def _end_what_is_over(self) -> None:
        for sound in self.sounds.values():
            if sound.since_s is None or self.at(sound) < sound.samples:
                continue
            if sound.loops and sound.samples:
                rest = (sound.samples - sound.position) / (sound.rate_hz * self._rate)
                sound.since_s += rest  # to the sample, whenever the robot looks
            else:
                self._silence(sound)
            sound.position = 0
