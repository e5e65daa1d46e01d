"""What the README says is true."""

import re
import subprocess
import sys


def blocks(repository, language):
    text = (repository / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def test_the_python_example_runs(repository, tmp_path):
    (example,) = blocks(repository, "python")
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "falls: 0" in done.stdout


def test_the_skeleton_example_is_one(repository, tmp_path):
    from robodance.motion_files.skeleton_file import load_skeleton

    (example,) = blocks(repository, "yaml")
    (tmp_path / "mine.yaml").write_text(example, encoding="utf-8")
    assert load_skeleton(tmp_path / "mine.yaml").joints["right_shoulder"][0].along == {"up": -0.04}


def test_ci_runs_the_test_line_of_the_readme(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    after = text.partition("<!-- the test line -->")[2]
    assert after.lstrip().startswith("```bash\npython3.11 -m venv .venv && ")
    assert "the test line" in (repository / ".ci" / "run").read_text(encoding="utf-8")


def test_every_exit_code_is_documented(repository):
    from robodance import errors

    text = (repository / "README.md").read_text(encoding="utf-8")
    for name in errors.__all__:
        code = getattr(errors, name).exit_code
        assert re.search(rf"^\| {code} \|", text, flags=re.MULTILINE), code


def test_every_file_the_readme_names_exists(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    folders = ("robodance", "configs", "urdf", "launch", "tests")
    names = re.findall(rf"`((?:{'|'.join(folders)})/[\w./*-]+)`", text)
    assert names
    for name in names:
        assert list(repository.glob(name.rstrip("/").replace("NAME", "*"))), name
