"""The package finds its files in every form in which it can be installed."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

FIND = """
import json, robodance
from robodance.resources import config_path, launch_path, urdf_path, weights_path
print(json.dumps({
    "home": robodance.__file__,
    "found": [
        path.is_file()
        for path in (
            config_path("perform.yaml"),
            config_path("robots/nao_v6.yaml"),
            urdf_path("nao/nao_v6.urdf"),
            launch_path("shows/rumba.yaml"),
            launch_path("songs/rumba.ogg"),
            launch_path("sim.sh"),
            weights_path("NOTICE"),
            weights_path("autoregressive_rumba.safetensors"),
        )
    ],
}))
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory, repository):
    """A copy of what git knows, so that building leaves nothing in the checkout."""
    if not (repository / ".git").exists():
        pytest.skip("not a git checkout")
    target = tmp_path_factory.mktemp("sources")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        check=True,
    ).stdout
    for name in listed.decode().split("\0"):
        if name and (repository / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, target / name)
    return target


def run(*arguments, **options):
    done = subprocess.run(
        [str(a) for a in arguments], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fresh_environment(folder, *requirement):
    """Make a virtual environment that borrows this one's libraries, not its robodance."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--no-deps", *requirement, cwd="/")
    borrowed = folder / "borrowed"
    borrowed.mkdir()
    for library in Path(sysconfig.get_path("purelib")).iterdir():
        if "robodance" not in library.name:
            (borrowed / library.name).symlink_to(library)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "borrowed.pth").write_text(f"{borrowed}\n")
    return python


@pytest.fixture(scope="module")
def wheel(sources, tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", target, sources)
    (file,) = target.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def python_with_wheel(wheel, tmp_path_factory):
    return fresh_environment(tmp_path_factory.mktemp("venv"), wheel)


def assert_finds_everything(python, home, **environment):
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    answer = json.loads(run(python, "-c", FIND, cwd="/", env={**clean, **environment}))
    assert Path(answer["home"]).is_relative_to(home)
    assert all(answer["found"]), answer


@pytest.mark.slow
def test_the_wheel_finds_its_files(python_with_wheel):
    assert_finds_everything(python_with_wheel, python_with_wheel.parents[1])


@pytest.mark.slow
def test_the_source_distribution_finds_its_files(sources, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(sources, copy)
    build = "from setuptools import build_meta; print(build_meta.build_sdist('dist'))"
    run(sys.executable, "-c", build, cwd=copy)
    (archive,) = (copy / "dist").glob("*.tar.gz")
    python = fresh_environment(tmp_path / "venv", archive)
    assert_finds_everything(python, tmp_path / "venv")


@pytest.mark.slow
def test_an_editable_install_finds_its_files(sources, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(sources, copy)
    python = fresh_environment(tmp_path / "venv", "-e", copy)
    assert_finds_everything(python, copy)


def test_a_bare_checkout_finds_its_files(sources):
    assert_finds_everything(sys.executable, sources, PYTHONPATH=str(sources))


@pytest.mark.slow
def test_the_installed_wheel_performs_from_another_directory(python_with_wheel, tmp_path):
    command = python_with_wheel.parent / "robodance"
    arguments = ("perform", "--demo", "tango", "--sim", "--to", "8", "--json")
    arguments += ("--set", "verification.disturbances=lag")  # one is enough to see that it works
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    out = tmp_path / "show"
    report = json.loads(run(command, *arguments, "--out", out, cwd="/", env=clean))
    assert report["performance"]["falls"] == 0
    assert {"dance.npz", "plan.npz", "report.json", "report.html", "preview.html"} <= {
        file.name for file in out.iterdir()
    }
