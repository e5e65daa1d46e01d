"""Files to and from a robot, by OpenSSH's ``sftp``; nothing else of NAOqi takes files."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from robodance.config import NaoqiConfig
from robodance.errors import RobotError, RobotTimeout
from robodance.performance.backends.naoqi_link import Address

__all__ = ["KEPT", "ROBOT_FOLDER", "download", "upload"]

ROBOT_FOLDER = "robodance"  # under the home folder of the user
COPIED_WITHIN_S = 120.0
KEPT = 20  # sounds, here and on the robot
OURS = re.compile(r"[0-9a-f]{24}\.wav")
HOME = "Remote working directory: "


def upload(file: Path, address: Address, config: NaoqiConfig) -> str:
    """Copy a sound to a robot, unless it is there, and return its path there.

    It gets its name when it is whole. The oldest of many are removed.

    Raises:
        RobotError: It cannot be copied.
    """
    otherwise = "or dance in silence: --set naoqi.sound=none"
    said = _sftp(f"pwd\n-ls -1t {ROBOT_FOLDER}\n", address, config, otherwise).splitlines()
    home = next((line.removeprefix(HOME) for line in said if line.startswith(HOME)), "")
    there = [name for line in said if OURS.fullmatch(name := line.rpartition("/")[2].strip())]
    if file.name not in there:
        part, whole = (f"{ROBOT_FOLDER}/{name}" for name in (f"{file.stem}.part", file.name))
        script = f"-mkdir {ROBOT_FOLDER}\nput {_quoted(file)} {part}\nrename {part} {whole}\n"
        script += "".join(f"-rm {ROBOT_FOLDER}/{name}\n" for name in there[KEPT - 1 :])
        _sftp(script, address, config, otherwise)
    return f"{home.rstrip('/')}/{ROBOT_FOLDER}/{file.name}"


def download(path: str, to: Path, address: Address, config: NaoqiConfig) -> None:
    """Copy a file from a robot.

    Raises:
        RobotError: It cannot be copied.
    """
    there = path.removeprefix(f"/home/{config.user}/")
    _sftp(f"get {_quoted(there)} {_quoted(to)}\n", address, config, f"or fetch {path} yourself")


def _sftp(script: str, address: Address, config: NaoqiConfig, otherwise: str) -> str:
    """Run a script with OpenSSH's sftp and return what it says; keys only, no password."""
    where = f"{config.user}@{address.host}"
    port = [] if config.ssh_port is None else ["-P", str(config.ssh_port)]
    own = [] if config.ssh_config is None else ["-F", config.ssh_config]
    way = " ".join(["ssh-copy-id", *(["-p", *port[1:]] if port else []), where])
    advice = f"try `{way}`, {otherwise}"
    program = shutil.which("sftp")
    if program is None:
        raise RobotError(f"files go to and from a robot by sftp, which is not installed; {advice}")
    options = [
        *own,
        "-o",
        "LogLevel=ERROR",
        "-o",
        "BatchMode=yes",
        "-o",
        "ConnectTimeout=5",
        *port,
        "-b",
        "-",
    ]
    try:
        done = subprocess.run(
            [program, *options, where],
            input=script,
            capture_output=True,
            text=True,
            timeout=COPIED_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RobotTimeout(f"{where}: copying took too long; {advice}") from error
    if done.returncode != 0:
        reason = " ".join(done.stderr.split())[-200:]
        raise RobotError(f"{where}: a file cannot be copied ({reason}); {advice}")
    return done.stdout


def _quoted(path: Path | str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", str(path)) + '"'
