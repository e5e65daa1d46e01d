"""Films with known truth: two hands of a clock show the robot's time, a room carries the sound."""

from dataclasses import dataclass, replace
from fractions import Fraction

import av
import numpy as np
import scipy.signal
import soxr

from robodance.performance.film_time import robot_times, song_times
from robodance.performance.heard import heard_blocks

WIDTH, HEIGHT = 320, 180
CENTRES = ((80.0, 90.0), (240.0, 90.0))  # of the fast hand's and of the slow hand's circle
RADIUS, DOT = 64.0, 9.0  # pixels
PERIODS_S = (2.0, 400.0)
TAIL_S = 3.0  # the camera runs a little longer


@dataclass(frozen=True)
class Camera:
    """How a film is shot.

    Attributes:
        rate_hz: Pictures per second.
        began_s: Robot time at which the camera was switched on.
        clock_at_start_s: What its clock shows then.
        drift: How much faster its clock runs than the robot's.
        jitter: Pictures come this share of their distance early or late.
        dropped: Share of the pictures that are lost.
        snr_db: Sound over noise; None: no noise.
        reverberation_s: Time in which the room's echo loses 60 dB; 0: none.
        sound: Whether there is a sound track.
        turns: Quarter turns the film is stored lying, with a note.
    """

    rate_hz: float = 30.0
    began_s: float = -1.7
    clock_at_start_s: float = 0.0
    drift: float = 0.0
    jitter: float = 0.0
    dropped: float = 0.0
    snr_db: float | None = None
    reverberation_s: float = 0.0
    sound: bool = True
    turns: int = 0

    def stamps(self, robot_s):
        return self.clock_at_start_s + (1.0 + self.drift) * (robot_s - self.began_s)


def shoot(path, plan, soundtrack, camera, rng, *, mode="stretched", until_s=None):
    """Film a performance; returns the robot time of each picture."""
    end_s = float(plan.times_s[-1]) + TAIL_S if until_s is None else until_s
    times = np.arange(camera.began_s, end_s, 1.0 / camera.rate_hz)
    times = times + camera.jitter / camera.rate_hz * rng.uniform(-0.5, 0.5, len(times))
    times[0] = camera.began_s  # a file begins with its first picture
    kept = rng.random(len(times)) >= camera.dropped
    kept[[0, -1]] = True
    times = times[kept]
    sound = None
    if camera.sound:
        sound = microphone(plan, soundtrack, camera, rng, mode, end_s)
    write(path, times, camera, sound)
    return times


def microphone(plan, soundtrack, camera, rng, mode, end_s):
    """Return what the camera hears: (N,) and samples per second of its own clock."""
    rate_hz, blocks = heard_blocks(plan, soundtrack, mode)
    heard = np.concatenate(list(blocks)).mean(axis=1)
    if camera.reverberation_s:
        heard = reverberated(heard, rate_hz, camera.reverberation_s, rng)
    before = round((float(plan.times_s[0]) - camera.began_s) * rate_hz)
    count = round((end_s - camera.began_s) * rate_hz)
    air = np.zeros(count)
    part = heard[max(0, -before) :][: count - max(before, 0)]
    air[max(before, 0) : max(before, 0) + len(part)] = part
    if camera.snr_db is not None:
        level = np.sqrt(np.mean(part**2))
        noise = servo_noise(count, rate_hz, rng)
        air += noise * level / np.sqrt(np.mean(noise**2)) * 10 ** (-camera.snr_db / 20)
    if camera.drift:
        # Its converter takes more samples in the same time and calls them the same rate.
        air = soxr.resample(air, rate_hz, rate_hz * (1.0 + camera.drift))
    air *= 0.5 / max(np.abs(air).max(), 1e-9)
    return air.astype(np.float32), rate_hz


def reverberated(samples, rate_hz, decay_s, rng):
    """Return a sound in a room whose echoes are together as strong as the sound itself."""
    t = np.arange(round(decay_s * rate_hz)) / rate_hz
    echo = rng.normal(size=len(t)) * 10 ** (-3.0 * t / decay_s)
    echo[: round(0.002 * rate_hz)] = 0.0
    echo /= np.sqrt(np.sum(echo**2))
    echo[0] = 1.0
    return scipy.signal.oaconvolve(samples, echo)[: len(samples)]


def servo_noise(count, rate_hz, rng):
    """Return broadband noise with most of it where motors whine."""
    whine = scipy.signal.butter(2, (300.0, 3000.0), "bandpass", fs=rate_hz, output="sos")
    noise = rng.normal(size=count)
    return 0.3 * noise + scipy.signal.sosfilt(whine, noise)


def drawn(robot_s):
    """Return a picture (grey, HEIGHT x WIDTH) that shows a robot time."""
    grey = np.full((HEIGHT, WIDTH), 40.0)
    reach = round(2.5 * DOT)
    for (cx, cy), period in zip(CENTRES, PERIODS_S, strict=True):
        angle = 2.0 * np.pi * robot_s / period
        at = cx + RADIUS * np.cos(angle), cy + RADIUS * np.sin(angle)
        left, top = (max(0, round(place) - reach) for place in at)
        around = grey[top : top + 2 * reach, left : left + 2 * reach]
        y, x = np.ogrid[top : top + around.shape[0], left : left + around.shape[1]]
        far = (x - at[0]) ** 2 + (y - at[1]) ** 2
        around += 180.0 * np.exp(-0.5 * far / (DOT / 2.0) ** 2)
    return grey


def read(grey):
    """Return the robot time that a picture shows."""
    angles = []
    for (cx, _), half in zip(CENTRES, (grey[:, : WIDTH // 2], grey[:, WIDTH // 2 :]), strict=True):
        top = np.unravel_index(np.argmax(half), half.shape)
        reach = round(2.0 * DOT)
        first = [max(0, place - reach) for place in top]
        near = tuple(slice(low, place + reach) for low, place in zip(first, top, strict=True))
        bright = np.clip(half[near] - 70.0, 0.0, None)
        y, x = np.ogrid[
            first[0] : first[0] + bright.shape[0], first[1] : first[1] + bright.shape[1]
        ]
        row, column = (float((bright * axis).sum() / bright.sum()) for axis in (y, x))
        left = cx - (0.0 if cx < WIDTH / 2 else WIDTH / 2)
        angles.append(np.arctan2(row - CENTRES[0][1], column - left) / (2.0 * np.pi) % 1.0)
    fast, slow = angles
    about = slow * PERIODS_S[1]
    about -= PERIODS_S[1] * (about > PERIODS_S[1] - 20.0)  # before robot time 0
    turns = round((about - fast * PERIODS_S[0]) / PERIODS_S[0])
    return (turns + fast) * PERIODS_S[0]


def write(path, times, camera, sound):
    """Write the film with the camera's own time stamps."""
    tick = Fraction(1, 90000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(camera.rate_hz))
        lying = camera.turns % 2 == 1
        stream.width, stream.height = (HEIGHT, WIDTH) if lying else (WIDTH, HEIGHT)
        stream.pix_fmt, stream.time_base = "yuv420p", tick
        stream.codec_context.time_base = tick
        stream.options = {"crf": "16", "preset": "ultrafast"}
        audio = None
        if sound is not None:
            audio = container.add_stream("aac", rate=sound[1])
            audio.layout, audio.bit_rate = "mono", 128_000
        done, step = 0, 1024
        for time_s in times:
            stamp = camera.stamps(time_s)
            while audio is not None and done / sound[1] <= stamp and done < len(sound[0]):
                done = _sound(container, audio, sound, camera, done, step)
            picture = np.rot90(drawn(time_s), -camera.turns)
            yuv = np.full((picture.shape[0] * 3 // 2, picture.shape[1]), 128, np.uint8)
            yuv[: picture.shape[0]] = np.clip(picture, 0, 255)
            frame = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
            frame.pts, frame.time_base = round(stamp / tick), tick
            container.mux(stream.encode(frame))
        while audio is not None and done < len(sound[0]):
            done = _sound(container, audio, sound, camera, done, step)
        if audio is not None:
            container.mux(audio.encode(None))
        container.mux(stream.encode(None))
    if camera.turns:
        lay_down(path, camera.turns)


def _sound(container, stream, sound, camera, done, step):
    samples, rate_hz = sound
    piece = np.ascontiguousarray(samples[None, done : done + step])
    frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
    frame.sample_rate, frame.pts = rate_hz, done + round(camera.clock_at_start_s * rate_hz)
    container.mux(stream.encode(frame))
    return done + piece.shape[1]


def lay_down(path, turns):
    """Write into an MP4 that its pictures are to be turned anticlockwise by quarters."""
    content = bytearray(path.read_bytes())
    at = content.find(b"tkhd")
    version = content[at + 4]
    matrix = at + 4 + (40 if version == 0 else 52)
    cos, sin = [(1, 0), (0, -1), (-1, 0), (0, 1)][turns % 4]
    numbers = [cos, sin, 0, -sin, cos, 0, 0, 0, 1]
    for k, number in enumerate(numbers):
        fixed = number << (30 if k in {2, 5, 8} else 16)
        content[matrix + 4 * k : matrix + 4 * k + 4] = fixed.to_bytes(4, "big", signed=True)
    path.write_bytes(content)


def shown(path):
    """Return film time and the robot time read from the picture, (F,) and (F,)."""
    with av.open(str(path)) as film:
        found = [
            (f.time, read(f.to_ndarray(format="gray").astype(float))) for f in film.decode(video=0)
        ]
    return np.array(found).T


def picture_errors(path, plan, song_start_s=0.0):
    """Return picture minus music, (F,) s: the song's moment seen minus that heard."""
    film_s, robot_s = shown(path)
    return song_times(plan, robot_s) - (film_s + song_start_s)


def bounds(plan, taken, wanted_s):
    """Half the distance of the two pictures around each moment of the song, in song time."""
    robot = robot_times(plan, wanted_s)
    after = np.clip(np.searchsorted(taken, robot), 1, len(taken) - 1)
    gap = taken[after] - taken[after - 1]
    slowness = np.gradient(robot_times(plan, wanted_s), wanted_s)
    return 0.5 * gap / slowness


def slowed(plan, slowness):
    """Return a hand-made plan whose robot seconds per song second follow a curve.

    Args:
        plan: At music speed.
        slowness: Called with robot times since the song began, (T,).
    """
    since = plan.times_s - plan.music_start_s
    pace = 1.0 / slowness(since)
    steps = np.concatenate([[0.0], np.cumsum(0.5 * (pace[1:] + pace[:-1]) * np.diff(since))])
    moments = steps - np.interp(0.0, since, steps)
    return replace(plan, music_times_s=moments)
