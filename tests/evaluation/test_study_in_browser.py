"""The study's page in a real browser: played, answered, saved, read."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "performance"))
from browser import PATIENCE_S, chromium
from test_study import conditions

from robodance.evaluation.study import write_study
from robodance.evaluation.study_answers import read_answers


@pytest.fixture(scope="module")
def browser():
    with chromium() as start:
        yield start()


def test_pairs_are_shown_answered_and_saved(tmp_path, browser):
    out = tmp_path / "out"
    write_study(conditions(tmp_path, names=("a", "b")), out, seed=1)
    context = browser.new_context(accept_downloads=True)
    context.set_default_timeout(1000 * PATIENCE_S)
    page = context.new_page()
    complaints, requests = [], []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"file://{out / 'study.html'}")
    page.click("#begin")
    for _ in range(2):
        assert page.is_disabled("#next")
        page.click("#play")
        page.wait_for_function("moment > 0.1")
        drawn = page.evaluate(
            "[...document.querySelectorAll('canvas')].map(c => c.getContext('2d')"
            ".getImageData(0, 0, 640, 480).data.filter((v, k) => k % 4 == 3 && v > 0).length)"
        )
        assert len(drawn) == 2
        assert min(drawn) > 1000  # pixels of a figure
        for question in ("realism", "match", "dynamics"):
            page.check(f"input[name={question}][value=left]")
        page.click("#next")
    with page.expect_download() as saved:
        page.click("#save")
    saved.value.save_as(out / "answers.json")
    assert complaints == []
    assert all(url.startswith(("file:", "blob:", "data:")) for url in requests)
    result = read_answers([out / "answers.json"], out / "key.json")
    assert result["raters"] == 1
    assert [one["n"] for one in result["preferences"]] == [2, 2, 2]
    sheet = json.loads((out / "answers.json").read_text())
    assert all(answer["seconds"] > 0 for answer in sheet["answers"])
    context.close()
