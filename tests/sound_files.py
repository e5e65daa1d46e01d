"""Sound files as other programs write them, which soundfile cannot."""

import av
import numpy as np

AAC_START_UP = 1024  # samples that FFmpeg's encoder puts before the first one


def write_aac(path, samples, rate_hz, *, begins_s=0.0, picture=False):
    """Write AAC in the container of the ending.

    Args:
        path: Any ending that FFmpeg knows: m4a, mp4, mkv, aac (no container at all).
        samples: Shape (N, 2).
        rate_hz: Samples per second.
        begins_s: How long after the file's beginning the sound begins.
        picture: Whether there is a (black) picture, too, from the beginning.
    """
    planes = np.ascontiguousarray(samples.T, dtype=np.float32)
    with av.open(str(path), "w") as container:
        film = container.add_stream("libx264", rate=25) if picture else None
        stream = container.add_stream("aac", rate=rate_hz)
        stream.layout, stream.bit_rate = "stereo", 192_000
        if film is not None:
            _black(container, film, len(samples) / rate_hz)
        for start in range(0, planes.shape[1], AAC_START_UP):
            piece = np.ascontiguousarray(planes[:, start : start + AAC_START_UP])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = rate_hz, start + round(begins_s * rate_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _black(container, stream, duration_s):
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    for k in range(round(25 * duration_s)):
        frame = av.VideoFrame.from_ndarray(np.zeros((96, 64), np.uint8), format="yuv420p")
        frame.pts = k
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
