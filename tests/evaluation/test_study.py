"""The blind study: what the page holds, what it hides, and what answers add up to."""

import json

import numpy as np
import pytest
from dancer import dancer

from robodance.errors import DataError, UsageError
from robodance.evaluation.study import write_study
from robodance.evaluation.study_answers import ANSWERS_FORMAT, answers_table, read_answers
from robodance.plan_file import write_dance
from robodance.skeleton import pose_sequence

CONDITIONS = ("secretly-generated", "secretly-real")


def conditions(folder, names=("aqua", "bistre", "cobalt", "damson")):
    for number, condition in enumerate(CONDITIONS):
        (folder / condition).mkdir()
        for seed, name in enumerate(names):
            joints = dancer(2.0, 25.0, seed=10 * number + seed)
            write_dance(pose_sequence(joints, 25.0), folder / condition / f"{name}.npz")
    return [folder / condition for condition in CONDITIONS]


@pytest.fixture
def study(tmp_path):
    made = write_study(conditions(tmp_path), tmp_path / "out", seed=3)
    return tmp_path / "out", made


def content_of(page):
    text = page.read_text(encoding="utf-8")
    return json.loads(text.partition('id="content">')[2].partition("</script>")[0])


def test_the_page_says_nothing_about_which_is_which(study):
    out, made = study
    text = (out / "study.html").read_text(encoding="utf-8")
    for word in (*CONDITIONS, "secretly", "aqua", "cobalt", "http://", "https://"):
        assert word not in text
    assert made["pairs"] == 4
    key = json.loads((out / "key.json").read_text())
    assert {(p["left"], p["right"]) for p in key["pairs"]} == {CONDITIONS, CONDITIONS[::-1]}


def test_the_key_tells_the_sides_truly(study):
    out, _ = study
    content, key = content_of(out / "study.html"), json.loads((out / "key.json").read_text())
    assert content["id"] == key["study"]
    by_condition = {name: set() for name in CONDITIONS}
    for pair, told in zip(content["pairs"], key["pairs"], strict=True):
        for side in ("left", "right"):
            by_condition[told[side]].add(pair[side]["joints"])
    assert all(len(found) == 4 for found in by_condition.values())
    assert not by_condition[CONDITIONS[0]] & by_condition[CONDITIONS[1]]


def test_sides_are_even_and_the_order_is_the_seeds(tmp_path):
    folders = conditions(tmp_path, names=[f"n{k}" for k in range(8)])
    keys = []
    for number, seed in enumerate((1, 1, 2)):
        write_study(folders, tmp_path / f"out{number}", seed=seed)
        key = json.loads((tmp_path / f"out{number}" / "key.json").read_text())
        keys.append([(p["name"], p["left"]) for p in key["pairs"]])
        assert sum(p["left"] == CONDITIONS[0] for p in key["pairs"]) == 4
    assert keys[0] == keys[1] != keys[2]


def answers(out, name, choose, study_id=None):
    key = json.loads((out / "key.json").read_text())
    sheet = {
        "format": ANSWERS_FORMAT,
        "study": study_id or key["study"],
        "rater": name,
        "answers": [{"pair": p["id"], "seconds": 9.0, **choose(p)} for p in key["pairs"]],
    }
    file = out / f"{name}.json"
    file.write_text(json.dumps(sheet))
    return file


def side_of(pair, condition):
    return "left" if pair["left"] == condition else "right"


def test_preferences_are_counted_whatever_the_side(study):
    out, _ = study
    real, generated = CONDITIONS[1], CONDITIONS[0]

    def choose(pair):
        return {
            "realism": side_of(pair, real),
            "match": side_of(pair, generated),
            "dynamics": side_of(pair, generated if pair["id"] % 2 else real),
        }

    files = [answers(out, f"rater{k}", choose) for k in range(5)]
    result = read_answers(files, out / "key.json")
    share = {one["question"]: one for one in result["preferences"]}
    assert share["realism"]["share"] == 0.0  # of the first by name, the generated one
    assert share["match"]["share"] == 1.0
    assert share["dynamics"]["share"] == 0.5
    assert share["match"]["n"] == 20
    assert share["match"]["low"] == pytest.approx(0.025 ** (1 / 20), abs=1e-6)  # closed form
    assert share["dynamics"]["over_raters"]["low"] == 0.5  # all raters agree
    assert "50.0 %" in answers_table(result)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda text: text[: len(text) // 2], "not JSON, or cut off"),
        (lambda text: "[]", "not a file of the format"),
        (lambda text: text.replace('"left"', '"both"'), "neither left nor right"),
        (lambda text: text.replace('"pair": 0', '"pair": 99'), "the key does not know"),
        (lambda text: text.replace('"answers": [', '"replies": ['), "'answers' is missing"),
    ],
)
def test_damaged_and_foreign_answers_are_named(study, harm, message):
    out, _ = study

    def left(pair):
        return dict.fromkeys(("realism", "match", "dynamics"), "left")

    file = answers(out, "rater", left)
    file.write_text(harm(file.read_text()))
    with pytest.raises(DataError, match=message) as caught:
        read_answers([file], out / "key.json")
    assert "rater.json" in str(caught.value)


def test_answers_of_another_study_or_twice_the_same_are_refused(study):
    out, _ = study

    def left(pair):
        return dict.fromkeys(("realism", "match", "dynamics"), "left")

    other = answers(out, "other", left, study_id="feedbeef")
    with pytest.raises(DataError, match="another study"):
        read_answers([other], out / "key.json")
    mine = answers(out, "mine", left)
    with pytest.raises(DataError, match="the same answers"):
        read_answers([mine, mine], out / "key.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_answers([mine], out / "none.json")


def test_what_cannot_be_paired_is_refused(tmp_path):
    folders = conditions(tmp_path)
    with pytest.raises(UsageError, match="at least two"):
        write_study(folders[:1], tmp_path / "out")
    for file in folders[1].iterdir():
        file.rename(file.with_name(f"x{file.name}"))
    with pytest.raises(UsageError, match="name them alike"):
        write_study(folders, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_dancer_is_seen_from_in_front(study):
    import base64

    out, _ = study
    joints = content_of(out / "study.html")["pairs"][0]["left"]["joints"]
    seen = np.frombuffer(base64.b64decode(joints), dtype="<i2").reshape(-1, 21, 2)
    assert (seen[:, 12, 0] > seen[:, 3, 0]).all()  # the left shoulder is on our right
    assert np.median(seen[:, 0, 1]) > 1300  # millimetres: the head is up
