"""Read sound files as they are: every channel, at the file's own rate.

Below the stages on purpose: hearing and the film's sound track must agree to the sample
on when a song begins. libsndfile (wav, flac, ogg, mp3, opus, aiff, ...) is the time base,
because it takes an mp3's encoder delay off; FFmpeg (m4a, mp4 and the rest) comes second.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.errors import AudioError, UsageError

__all__ = [
    "cut_off_mp3",
    "file_sha256",
    "load_soundtrack",
    "quiet_stderr",
    "require_song",
]

Float32 = NDArray[np.float32]

_MISSING_SHARE = 0.01  # a file may end this share of its length (or _MISSING_S) early
_MISSING_S = 0.5
_STUMP_S = 60.0  # so much of a cut-off mp3 is a song of its own
_LATEST_START_S = 60.0  # sound that begins later in a film has a broken time stamp
_LOUDEST = 8.0  # a float file above this peak is on another scale than -1..1
_OPEN_ENDED = {0, 0xFFFFFFFF, 0x7FFFFFFF}  # sizes that a recorder writes when it streams


def load_soundtrack(path: Path | str) -> tuple[Float32, int]:
    """Decode all channels of a sound file at its own rate.

    Args:
        path: Any sound file, or a film with sound.

    Returns:
        Samples of shape (N, C), about -1..1, and the samples per second. Sample 0 is
        where a player begins.

    Raises:
        AudioError: There is no such file, or it is empty, cut off, holds no sound, or
            holds samples that are not numbers.
    """
    path = Path(path)
    _check_file(path)
    decoded = _read_with_libsndfile(path)
    if decoded is None:
        decoded = _read_with_ffmpeg(path)
    samples, rate_hz = decoded
    _check_stump(path, samples.shape[0] / rate_hz)
    if not samples.size:
        raise AudioError(f"{path}: holds no sound (0 samples); give another song")
    finite = np.isfinite(samples).all(axis=1)
    if not finite.all():
        raise AudioError(
            f"{path}: {np.count_nonzero(~finite)} samples are not numbers (NaN or infinite), the "
            f"first at {np.argmin(finite) / rate_hz:.3f} s; export the song again"
        )
    peak = float(np.abs(samples).max())
    if peak > _LOUDEST:
        samples /= np.float32(peak)
    return samples, rate_hz


def file_sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        AudioError: The file cannot be read.
    """
    path = Path(path)
    _check_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_song(path: Path | str, sha256: str) -> None:
    """Refuse a song that is not the one a plan was made for.

    Raises:
        UsageError: It is another file.
        AudioError: The file cannot be read.
    """
    if file_sha256(path) != sha256:
        raise UsageError(
            f"{path}: is not the song that the plan was made for (another SHA-256); "
            "give that file, unchanged"
        )


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise AudioError(f"{path}: is a folder, not a song; give a sound file")
        if not path.exists():
            raise AudioError(f"{path}: no such file; give the path of a sound file")
        if not path.is_file():
            raise AudioError(f"{path}: is not an ordinary file; give a sound file")
        with path.open("rb") as file:
            empty = not file.read(1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(f"{path}: cannot be read ({reason}); give a sound file") from error
    if empty:
        raise AudioError(f"{path}: is empty (0 bytes); copy or download the song again")


def _read_with_libsndfile(path: Path) -> tuple[Float32, int] | None:
    """Decode with libsndfile; None when it does not know the format."""
    import soundfile

    _check_ending(path)
    with path.open("rb") as file, quiet_stderr():
        try:
            # By descriptor, so that a wrong ending of the name cannot mislead it.
            sound = soundfile.SoundFile(file.fileno(), closefd=False)
        except (soundfile.LibsndfileError, TypeError):
            return None
        with sound:
            rate_hz, declared, kind = int(sound.samplerate), int(sound.frames), sound.format
            try:
                samples = sound.read(dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise AudioError(_cut_off(path, str(error).rstrip("."))) from error
    if kind != "MP3" or samples.shape[0] < _STUMP_S * rate_hz:
        _check_length(path, samples.shape[0] / rate_hz, declared / rate_hz)
    return np.asarray(samples, dtype=np.float32), rate_hz


def _read_with_ffmpeg(path: Path) -> tuple[Float32, int]:
    import av

    av.logging.set_level(None)
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioError(f"{path}: there is no sound in this file; give a sound file")
            stream = container.streams.audio[0]
            rate_hz = int(stream.codec_context.sample_rate or 0)
            if rate_hz <= 0:
                raise AudioError(f"{path}: not a sound file that can be read; convert it to wav")
            length = stream.duration
            declared_s = float(length * stream.time_base) if length and stream.time_base else 0.0
            samples = _decode(container, stream, rate_hz)
    except av.error.FFmpegError as error:
        reason = " ".join(str(getattr(error, "strerror", error)).split())
        raise AudioError(
            f"{path}: not a sound file that can be read ({reason}); "
            "give wav, mp3, flac, ogg or m4a, whole and not encrypted"
        ) from error
    _check_length(path, samples.shape[0] / rate_hz, declared_s)
    return samples, rate_hz


def _decode(container: Any, stream: Any, rate_hz: int) -> Float32:
    import av

    channels = stream.codec_context.channels
    resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate_hz)
    blocks: list[NDArray[Any]] = []
    for frame in container.decode(stream):  # an encoder's start-up is cut off where it is told
        if frame.sample_rate == rate_hz and len(frame.layout.channels) == channels:
            if not blocks and frame.time is not None:
                # In a film the sound may begin after the picture.
                late_s = frame.time - (container.start_time or 0) / av.time_base
                if 0.0 < late_s < _LATEST_START_S:
                    blocks.append(np.zeros((round(late_s * rate_hz), channels), np.float32))
            blocks += [out.to_ndarray().T for out in resampler.resample(frame)]
    blocks += [out.to_ndarray().T for out in resampler.resample(None)]
    if not blocks:
        return np.zeros((0, max(channels, 1)), dtype=np.float32)
    return np.concatenate(blocks).astype(np.float32)


def _check_ending(path: Path) -> None:
    """Raise when a wav, aiff or ogg file ends before what it promises."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(1 << 16)
        file.seek(max(0, size - (1 << 17)))
        tail = file.read()
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        at = head.find(b"data", 12)
        promised = struct.unpack_from("<I", head, at + 4)[0] if 0 < at <= len(head) - 8 else 0
        if promised not in _OPEN_ENDED:
            _check_bytes(path, size - at - 8, promised)
    elif head[:4] == b"FORM":
        promised = struct.unpack_from(">I", head, 4)[0] if len(head) >= 8 else 0
        if promised not in _OPEN_ENDED:
            _check_bytes(path, size - 8, promised)
    elif head[:4] == b"OggS":
        at = tail.rfind(b"OggS")
        if at < 0 or at + 6 > len(tail) or not tail[at + 5] & 0x04:  # end-of-stream flag
            raise AudioError(_cut_off(path, "its last page is missing"))


def cut_off_mp3(path: Path | str) -> str | None:
    """Say what is missing when an mp3 ends before what its own header counts.

    Returns:
        A sentence for a warning, or None for whole files and for other formats.
    """
    path = Path(path)
    start = _id3_length(path)
    with path.open("rb") as file:
        file.seek(start)
        frame = file.read(256)
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if frame[:1] != b"\xff" or at < 0 or len(frame) < at + 16:
        return None
    flags = struct.unpack_from(">I", frame, at + 4)[0]
    if not flags & 2:  # no byte count
        return None
    promised = struct.unpack_from(">I", frame, at + (12 if flags & 1 else 8))[0]
    found = path.stat().st_size - start
    if found >= promised * (1.0 - _MISSING_SHARE):
        return None
    return _cut_off(path, f"{found} of {promised} bytes of sound are there")


def _id3_length(path: Path) -> int:
    """Return how many bytes of ID3 tags stand before the sound."""
    length = 0
    with path.open("rb") as file:
        while True:
            file.seek(length)
            head = file.read(10)
            if len(head) < 10 or head[:3] != b"ID3":
                return length
            size = sum(
                (byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)
            )
            length += 10 + size + (10 if head[5] & 0x10 else 0)


def _check_stump(path: Path, found_s: float) -> None:
    """Refuse what is left of a cut-off mp3, unless it is long enough to dance to.

    An mp3 is a stream: players play a cut one to its end, and there are such songs in
    people's libraries. The caller who uses one warns (``cut_off_mp3``).
    """
    problem = cut_off_mp3(path)
    if problem is not None and found_s < _STUMP_S:
        raise AudioError(problem)


def _check_bytes(path: Path, found: int, promised: int) -> None:
    if found < promised * (1.0 - _MISSING_SHARE):
        raise AudioError(_cut_off(path, f"{found} of {promised} bytes of sound are there"))


def _check_length(path: Path, found_s: float, declared_s: float) -> None:
    if found_s < declared_s - max(_MISSING_S, _MISSING_SHARE * declared_s):
        raise AudioError(_cut_off(path, f"{found_s:.1f} of {declared_s:.1f} s could be read"))


def _cut_off(path: Path, found: str) -> str:
    return f"{path}: is damaged or cut off ({found}); copy or download the song again"


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep a library's own complaints off the terminal (those it writes to descriptor 2)."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
