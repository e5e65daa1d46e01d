"""Who is let in to the virtual NAO: encryption, a name and a password.

The library's Python side can neither listen on ``tcps`` nor ask for a login, so both are done
where the bytes pass. A caller's first message is a call of action 8 of service 0 with a map of
what it can do; its authenticator adds ``auth_user`` and ``auth_token``. Who is not let in is
answered with an error and hung up on, as NAOqi does.
"""

from __future__ import annotations

import hmac
import shutil
import ssl
import struct
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from robodance.errors import MissingDependency
from robodance.virtual_nao.settings import VirtualNaoSettings

__all__ = ["HEADER", "MAGIC", "Door", "Guard", "make_door"]

MAGIC = 0x42ADDE42  # as little-endian: the bytes are 42 DE AD 42
HEADER = struct.Struct("<IIIHBBIII")  # magic, id, payload, version, type, flags, then where to
CALL, ERROR = 1, 3
AUTHENTICATE = (0, 8)  # service, action
USER, TOKEN = "auth_user", "auth_token"
LARGEST = 65_536  # bytes of a first message; it is a few hundred
VALID_DAYS = 30
MADE_WITHIN_S = 30.0


@dataclass(frozen=True)
class Door:
    """How callers come in.

    Attributes:
        user: Who is let in.
        password: With which password; None: everyone is.
        tls: Encryption; None: there is none.
    """

    user: str = "nao"
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None

    @property
    def scheme(self) -> str:
        """Of the address."""
        return "tcp" if self.tls is None else "tcps"

    def guard(self) -> Guard:
        """Return one for a new connection."""
        return Guard(self)


class Guard:
    """Reads a caller's first message and decides.

    Args:
        door: Who is let in.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._open = door.password is None
        self._kept = b""

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take what comes from the caller.

        Returns:
            What goes on to the robot, and what the caller is answered before it is hung up on.
        """
        if self._open:
            return data, b""
        self._kept += data
        if len(self._kept) < HEADER.size:
            return b"", b""
        magic, number, size, _, kind, _, service, _, action = HEADER.unpack_from(self._kept)
        if magic != MAGIC or size > LARGEST:
            return b"", self._refusal(0, "Expected authentication")
        if len(self._kept) < HEADER.size + size:
            return b"", b""
        if kind != CALL or (service, action) != AUTHENTICATE:
            return b"", self._refusal(number, "Expected authentication (service #0, action #8)")
        if not self._known(self._kept[HEADER.size : HEADER.size + size]):
            return b"", self._refusal(number, "Authentication failed")
        self._open = True
        data, self._kept = self._kept, b""
        return data, b""

    def _known(self, capabilities: bytes) -> bool:
        said = {key: _text_of(capabilities, key) for key in (USER, TOKEN)}
        wanted = {USER: self._door.user, TOKEN: self._door.password or ""}
        same = [hmac.compare_digest(said[k].encode(), wanted[k].encode()) for k in wanted]
        return all(same)

    @staticmethod
    def _refusal(number: int, reason: str) -> bytes:
        payload = _packed("s") + _packed(reason)
        service, action = AUTHENTICATE
        head = HEADER.pack(MAGIC, number, len(payload), 0, ERROR, 0, service, 0, action)
        return head + payload


def _packed(text: str) -> bytes:
    """Return a string as the protocol has it: its length, then itself."""
    return struct.pack("<I", len(text.encode())) + text.encode()


def _text_of(capabilities: bytes, key: str) -> str:
    """Return a string that a map of dynamic values holds under a key; or "".

    A dynamic value is its signature and the value; libqi puts one (``m``) into another.
    """
    _, found, rest = capabilities.partition(_packed(key))
    if not found:
        return ""
    rest = rest.removeprefix(_packed("m"))
    if not rest.startswith(_packed("s")):
        return ""
    rest = rest.removeprefix(_packed("s"))
    if len(rest) < 4:
        return ""
    (length,) = struct.unpack_from("<I", rest)
    return rest[4 : 4 + length].decode(errors="replace")


def make_door(settings: VirtualNaoSettings) -> Door:
    """Return the door that the settings want.

    Raises:
        MissingDependency: A certificate is wanted, and there is no openssl to make it.
    """
    tls = _certified(settings.host) if settings.tls else None
    return Door(settings.user, settings.password, tls)


def _certified(host: str) -> ssl.SSLContext:
    """Return a server's side of TLS with a certificate that nobody keeps."""
    program = shutil.which("openssl")
    if program is None:
        raise MissingDependency("--tls makes a certificate with openssl: apt-get install openssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = (str(Path(folder) / name) for name in ("key.pem", "certificate.pem"))
        command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key]
        command += ["-out", certificate, "-days", str(VALID_DAYS), "-subj", f"/CN={host}"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=MADE_WITHIN_S
        )
        if done.returncode != 0:
            reason = " ".join(done.stderr.split())[-200:]
            raise MissingDependency(f"openssl makes no certificate ({reason})")
        context.load_cert_chain(certificate, key)
    return context
