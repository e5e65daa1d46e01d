"""ALAudioPlayer, ALAudioDevice and ALTextToSpeech."""

from __future__ import annotations

from typing import Any

from robodance.virtual_nao.deferred import Deferred, NaoqiError
from robodance.virtual_nao.nao import VirtualNao
from robodance.virtual_nao.services.base import Service, number, text, whole
from robodance.virtual_nao.sound import Loudspeaker

__all__ = ["ALAudioDevice", "ALAudioPlayer", "ALTextToSpeech"]

SECONDS_PER_CHARACTER = 0.07  # of speech: ours
RATES_HZ = (16000, 22050, 44100, 48000)
MOST_FRAMES = 16384
FRAME_BYTES = 4  # two channels of 16 bits


class ALAudioPlayer(Service):
    """Sound files; ``play`` and ``playFile`` last until the end of the sound."""

    NAME = "ALAudioPlayer"

    def __init__(self, nao: VirtualNao, speaker: Loudspeaker) -> None:
        super().__init__(nao)
        self._speaker = speaker

    def loadFile(self, path: Any) -> int:
        """Load a file of the robot; returns its id."""
        return self._speaker.load(text(path))

    def unloadFile(self, file: Any) -> None:
        """Forget a loaded file."""
        self._speaker.unload(whole(file))

    def unloadAllFiles(self) -> None:
        """Forget all loaded files."""
        for file in list(self._speaker.sounds):
            self._speaker.unload(file)

    def play(self, file: Any, volume: Any = 1.0, pan: Any = 0.0) -> Deferred:
        """Play a loaded file; lasts until its end."""
        self.setVolume(file, volume)
        number(pan, -1.0, 1.0)
        return self._speaker.play(whole(file))

    def playFile(self, path: Any, volume: Any = 1.0, pan: Any = 0.0) -> Deferred:
        """Load and play a file; lasts until its end."""
        return self.play(self.loadFile(path), volume, pan)

    def playFileFromPosition(
        self, path: Any, position: Any, volume: Any = 1.0, pan: Any = 0.0
    ) -> Deferred:
        """Load a file and play it from a moment; lasts until its end."""
        file = self.loadFile(path)
        self.setVolume(file, volume)
        number(pan, -1.0, 1.0)
        return self._speaker.play(file, number(position, 0.0))

    def playInLoop(self, file: Any, volume: Any = 1.0, pan: Any = 0.0) -> Deferred:
        """Play a loaded file again and again; lasts until it is stopped."""
        self.setVolume(file, volume)
        number(pan, -1.0, 1.0)
        return self._speaker.play(whole(file), loops=True)

    def playFileInLoop(self, path: Any, volume: Any = 1.0, pan: Any = 0.0) -> Deferred:
        """Load a file and play it again and again; lasts until it is stopped."""
        return self.playInLoop(self.loadFile(path), volume, pan)

    def pause(self, file: Any) -> None:
        """Halt a file, or go on with it."""
        self._speaker.pause(whole(file))

    def goTo(self, file: Any, position: Any) -> None:
        """Go on at another moment."""
        self._speaker.go_to(whole(file), number(position, 0.0))

    def stopAll(self) -> None:
        """Stop every file."""
        self._speaker.stop()

    def getCurrentPosition(self, file: Any) -> float:
        """Return where a file is, seconds."""
        sound = self._speaker.sound(whole(file))
        return self._speaker.at(sound) / sound.rate_hz

    def getFileLength(self, file: Any) -> float:
        """Return how long a file is, seconds."""
        return self._speaker.sound(whole(file)).length_s

    def getLoadedFilesIds(self) -> list[int]:
        """Return the ids of loaded files."""
        return list(self._speaker.sounds)

    def getLoadedFilesNames(self) -> list[str]:
        """Return the paths of loaded files."""
        return [sound.path for sound in self._speaker.sounds.values()]

    def setVolume(self, file: Any, volume: Any) -> None:
        """Set the volume of a file, 0..1."""
        self._speaker.sound(whole(file)).volume = number(volume, 0.0, 1.0)

    def getVolume(self, file: Any) -> float:
        """Return the volume of a file."""
        return self._speaker.sound(whole(file)).volume

    def setMasterVolume(self, volume: Any) -> None:
        """Set the volume of all files, 0..1."""
        self._speaker.volume = number(volume, 0.0, 1.0)

    def getMasterVolume(self) -> float:
        """Return the volume of all files."""
        return self._speaker.volume


class ALAudioDevice(Service):
    """The output volume, 0..100, and sound sent piece by piece, which nobody hears."""

    NAME = "ALAudioDevice"

    def __init__(self, nao: VirtualNao) -> None:
        super().__init__(nao)
        self._volume = 60
        self._muted = False
        self._rate_hz = 22050
        self._sounds_until_s = 0.0

    def setOutputVolume(self, volume: Any) -> None:
        """Set the volume, 0..100."""
        self._volume = whole(volume, 0, 100)

    def getOutputVolume(self) -> int:
        """Return the volume."""
        return self._volume

    def muteAudioOut(self, mute: Any) -> None:
        """Mute the loudspeaker, or not."""
        self._muted = bool(mute)

    def isAudioOutMuted(self) -> bool:
        """Return whether the loudspeaker is mute."""
        return self._muted

    def setParameter(self, name: Any, value: Any) -> None:
        """Set the only parameter there is here, ``outputSampleRate``."""
        if name != "outputSampleRate":
            raise NaoqiError(f"{name!r}: only outputSampleRate here")
        if value not in RATES_HZ:
            raise NaoqiError(f"{value!r}: expected one of {', '.join(map(str, RATES_HZ))}")
        self._rate_hz = whole(value)

    def getParameter(self, name: Any) -> int:
        """Return the only parameter there is here, ``outputSampleRate``."""
        if name != "outputSampleRate":
            raise NaoqiError(f"{name!r}: only outputSampleRate here")
        return self._rate_hz

    def sendRemoteBufferToOutput(self, frames: Any, buffer: Any) -> Deferred:
        """Play frames of two 16-bit channels; answers when what was sent before is over."""
        count = whole(frames, 1, MOST_FRAMES)
        wanted = 2 * count if isinstance(buffer, list) else FRAME_BYTES * count
        if not isinstance(buffer, (str, bytes, list)) or len(buffer) != wanted:
            raise NaoqiError(f"the buffer does not hold {count} frames of two 16-bit channels")
        now = self._nao.time_s
        begins = max(now, self._sounds_until_s)
        self._sounds_until_s = begins + count / self._rate_hz
        return self._after(begins - now, True)

    def flushAudioOutputs(self) -> None:
        """Forget what was sent and does not sound yet."""
        self._sounds_until_s = self._nao.time_s

    def playSine(self, frequency: Any, gain: Any, pan: Any, duration: Any) -> None:
        """Play a tone; returns at once."""
        whole(frequency, 1), whole(gain, 0, 100), number(pan, -1.0, 1.0)
        begins = max(self._nao.time_s, self._sounds_until_s)
        self._sounds_until_s = begins + number(duration, 0.0)


class ALTextToSpeech(Service):
    """Speech, as long as a sentence lasts; what was said is kept in ALMemory."""

    NAME = "ALTextToSpeech"

    def __init__(self, nao: VirtualNao) -> None:
        super().__init__(nao)
        self._volume = 0.7
        self._parameters = {"pitchShift": 0.0, "doubleVoice": 0.0, "speed": 100.0}
        self._saying: list[Deferred] = []
        nao.memory.insert("ALTextToSpeech/CurrentSentence", "")

    def say(self, sentence: Any, language: Any = "English") -> Deferred:
        """Say something; lasts until it is said."""
        text(language)
        memory = self._nao.memory
        memory.update("ALTextToSpeech/TextDone", 0)
        memory.raise_event("ALTextToSpeech/CurrentSentence", text(sentence))
        said = self._after(SECONDS_PER_CHARACTER * len(sentence))
        said.then(lambda end: memory.raise_event("ALTextToSpeech/TextDone", 1))
        self._saying = [*(other for other in self._saying if not other.done), said]
        return said

    def stopAll(self) -> None:
        """Say no more."""
        for said in self._saying:
            said.resolve()

    def setParameter(self, name: Any, value: Any) -> None:
        """Keep a parameter of the voice; speech lasts as long as before."""
        if name not in self._parameters:
            raise NaoqiError(f"{name!r}: expected one of {', '.join(self._parameters)}")
        self._parameters[name] = number(value, 0.0)

    def getParameter(self, name: Any) -> float:
        """Return a parameter of the voice."""
        if name not in self._parameters:
            raise NaoqiError(f"{name!r}: expected one of {', '.join(self._parameters)}")
        return self._parameters[name]

    def setVolume(self, volume: Any) -> None:
        """Set the volume, 0..1."""
        self._volume = number(volume, 0.0, 1.0)

    def getVolume(self) -> float:
        """Return the volume."""
        return self._volume

    def setLanguage(self, language: Any) -> None:
        """Choose the language; only English is installed."""
        if text(language) != "English":
            raise NaoqiError(f"the language {language!r} is not installed")

    def getAvailableLanguages(self) -> list[str]:
        """Return what is installed."""
        return ["English"]

    def getLanguage(self) -> str:
        """Return the language: English."""
        return "English"
