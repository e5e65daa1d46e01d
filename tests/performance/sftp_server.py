"""An OpenSSH server of its own on a loopback address, with keys that are thrown away."""

import contextlib
import getpass
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

HOST = "127.0.0.2"  # loopback, but not the address that stands for "this computer"
UP_WITHIN_S = 10.0


@dataclass(frozen=True)
class SftpServer:
    """One that runs.

    Attributes:
        home: Where whoever comes in finds themselves.
        settings: What ``NaoqiConfig`` is to be told.
        authorized: File of the keys that may come in.
    """

    home: Path
    settings: dict
    authorized: Path


def _keys(folder, name):
    file = folder / name
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True, timeout=30
    )
    return file, file.with_suffix(".pub").read_text()


@contextlib.contextmanager
def sftp_server(folder):
    """Start one, and end it by its process; skips where there is no OpenSSH server."""
    program = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")
    if not program or not shutil.which("sftp"):
        pytest.skip("no OpenSSH server here (sshd): copying to a robot cannot be tried")
    home = folder / "home"
    home.mkdir()
    host_key, host_public = _keys(folder, "host")
    user_key, user_public = _keys(folder, "user")
    authorized, known = folder / "authorized_keys", folder / "known_hosts"
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    authorized.write_text(user_public)
    known.write_text(f"[{HOST}]:{port} {host_public}")
    server = folder / "sshd_config"
    server.write_text(
        f"Port {port}\nListenAddress {HOST}\nHostKey {host_key}\nPidFile none\n"
        f"AuthorizedKeysFile {authorized}\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"Subsystem sftp internal-sftp -d {home}\n"
    )
    client = folder / "ssh_config"
    client.write_text(
        f"IdentityFile {user_key}\nIdentitiesOnly yes\nUserKnownHostsFile {known}\n"
        "GlobalKnownHostsFile none\nStrictHostKeyChecking yes\n"
    )
    process = subprocess.Popen(
        [program, "-D", "-e", "-f", str(server)], stderr=subprocess.PIPE, text=True
    )
    try:
        first = process.stderr.readline()
        if "listening" not in first:
            pytest.skip(f"sshd does not start here: {first.strip()}")
        settings = {"user": getpass.getuser(), "ssh_port": port, "ssh_config": str(client)}
        yield SftpServer(home, settings, authorized)
    finally:
        process.terminate()
        process.wait(UP_WITHIN_S)
        process.stderr.close()
