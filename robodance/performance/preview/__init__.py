"""``preview.html``: a dance to look at and listen to, in one file that needs no network.

``content`` gathers what the page shows, ``page`` puts it together with our own HTML, CSS and
JavaScript (the files in ``page/``), the 3D library and the song.
"""

from robodance.performance.preview.page import make_preview, write_preview

__all__ = ["make_preview", "write_preview"]
