"""Title, tempo and the beat, written into a film's pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robodance.errors import MissingDependency
from robodance.performance.encoding import Picture
from robodance.values import FloatArray, Plan

__all__ = ["Overlay", "overlay_lines"]

TITLE_SHARE, LINE_SHARE = 0.045, 0.028  # heights of letters, as shares of the picture's
MARGIN_SHARE = 0.05
SMALLEST_LETTERS = 8.0  # pixels
TITLE_S, FADE_S = 6.0, 1.0  # how long the title stays
DOT_SHARE = 0.012
DOT_FADE_S = 0.3
WHITE, SHADE = 235.0, 40.0
RESTING = 0.35  # how bright a beat's dot is while another sounds

Mask = NDArray[np.float32]


@dataclass(frozen=True)
class _Patch:
    """Letters, and the soft shade behind them, at a place.

    Attributes:
        top: Row, even.
        left: Column, even.
        letters: Shape (H, W), 0..1, both even.
        shade: Shape (H, W), 0..1.
    """

    top: int
    left: int
    letters: Mask = field(repr=False)
    shade: Mask = field(repr=False)


class Overlay:
    """What is written into the pictures of a film.

    Args:
        lines: The title, and what stands under it.
        width: Of the picture, pixels.
        height: Of the picture.
        beats_s: Shape (B,), song time.
        beat_numbers: Shape (B,), position in the bar.

    Raises:
        MissingDependency: Pillow is not installed.
    """

    def __init__(
        self,
        lines: tuple[str, ...],
        width: int,
        height: int,
        beats_s: FloatArray,
        beat_numbers: NDArray[np.int64],
    ) -> None:
        self._beats_s, self._numbers = beats_s, beat_numbers
        margin = round(MARGIN_SHARE * height)
        sizes = [TITLE_SHARE] + [LINE_SHARE] * (len(lines) - 1)
        masks = [_letters(text, size * height) for text, size in zip(lines, sizes, strict=True)]
        bottom = height - margin
        self._title = []
        for mask in reversed(masks):
            bottom -= mask.shape[0]
            self._title.append(_patch(mask, bottom, margin, width, height))
        radius = max(2.0, DOT_SHARE * height)
        count = int(beat_numbers.max(initial=0)) if len(beats_s) else 0
        first = width - margin - 4.0 * radius * count
        self._dots = [
            _patch(
                _disc(radius),
                height - margin - 2.2 * radius,
                first + 4.0 * radius * k,
                width,
                height,
            )
            for k in range(count)
        ]
        self._began_s: float | None = None

    def write(self, picture: Picture, moment_s: float) -> Picture:
        """Return a picture with the writing of a moment of the song."""
        if self._began_s is None:
            self._began_s = moment_s
        written = np.array(picture)
        since = moment_s - self._began_s
        bright = float(np.clip(min(since, TITLE_S - since) / FADE_S, 0.0, 1.0))
        if bright > 0.0:
            for patch in self._title:
                _put(written, patch, bright)
        last = int(np.searchsorted(self._beats_s, moment_s + 1e-6, side="right")) - 1
        for k, patch in enumerate(self._dots):
            shine = RESTING
            if last >= 0 and self._numbers[last] == k + 1:
                shine += (1.0 - RESTING) * np.exp(-(moment_s - self._beats_s[last]) / DOT_FADE_S)
            _put(written, patch, shine)
        return written


def overlay_lines(plan: Plan, slow_down: float) -> tuple[str, ...]:
    """Return what is written: the song, its dance and tempo, and how slow the robot really was."""
    known = plan.metadata
    name = str(known.get("song_path") or known.get("file") or "robodance")
    title = Path(name).stem.replace("_", " ").replace("-", " ")
    parts = [str(known["genre"])] if known.get("genre") else []
    if known.get("tempo_bpm"):
        parts.append(f"{float(known['tempo_bpm']):.0f} bpm")
    if slow_down > 1.01:
        parts.append(f"danced {slow_down:.2g} times slower")
    return (title, ", ".join(parts)) if parts else (title,)


def _letters(text: str, size: float) -> Mask:
    """Return a line of text as a mask (H, W), 0..1."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingDependency("writing in films needs Pillow: pip install pillow") from error
    size = max(SMALLEST_LETTERS, size)
    font = ImageFont.load_default(size)
    left, _, right, _ = (round(edge) for edge in font.getbbox(text))
    image = Image.new("L", (right - left + 4, round(1.45 * size)))
    ImageDraw.Draw(image).text((2 - left, round(0.1 * size)), text, fill=255, font=font)
    return np.asarray(image, dtype=np.float32) / 255.0


def _disc(radius: float) -> Mask:
    """Return a round dot with a soft edge, (H, W)."""
    half = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    return np.asarray(np.clip(radius + 0.5 - np.hypot(x, y), 0.0, 1.0), dtype=np.float32)


def _patch(mask: Mask, top: float, left: float, width: int, height: int) -> _Patch:
    """Return a mask at a place, on even pixels and inside the picture, with its shade."""
    from scipy.ndimage import gaussian_filter

    soft = max(1.0, 0.004 * height)
    border = 2 * int(np.ceil(1.5 * soft))
    row = max(0, round(top) - border) // 2 * 2
    column = max(0, round(left) - border) // 2 * 2
    padded = np.pad(mask, border)[: height - row, : width - column]
    padded = padded[: padded.shape[0] // 2 * 2, : padded.shape[1] // 2 * 2]
    shade = np.clip(1.6 * gaussian_filter(padded, soft), 0.0, 0.7).astype(np.float32)
    return _Patch(row, column, padded, shade)


def _put(picture: Picture, patch: _Patch, bright: float) -> None:
    """Write a patch into a YUV 4:2:0 picture; writing has no colour."""
    rows, columns = picture.shape[0] * 2 // 3, picture.shape[1]
    high, wide = patch.letters.shape
    shade, letters = bright * patch.shade, bright * patch.letters
    part = picture[patch.top : patch.top + high, patch.left : patch.left + wide]
    dark = part * (1.0 - shade) + SHADE * shade
    part[:] = np.rint(dark * (1.0 - letters) + WHITE * letters).astype(np.uint8)
    cover = np.maximum(shade, letters)
    cover = cover.reshape(high // 2, 2, wide // 2, 2).mean(axis=(1, 3))
    colours = picture[rows:].reshape(2, rows // 2, columns // 2)
    top, left = patch.top // 2, patch.left // 2
    tint = colours[:, top : top + high // 2, left : left + wide // 2]
    tint[:] = np.rint(tint * (1.0 - cover) + 128.0 * cover).astype(np.uint8)
