"""``nas-harness pareto``: a picture and what it says."""

import json

import pytest

from harness.cli import main


def test_the_picture_is_beside_the_run(ranked_run, capsys, tmp_path):
    run, data, _ = ranked_run
    assert main(["pareto", str(run), "--data", str(data)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == (
        "40 of 64 architectures ranked; truth against multiply-adds (million)"
    )
    assert "  1 that the search found are not in the table" in out
    assert out.splitlines()[-1] == str(run / "pareto-madds.png")
    assert (run / "pareto-madds.png").read_bytes()[:4] == b"\x89PNG"
    own = tmp_path / "own.svg"
    line = ["pareto", str(run), "--data", str(data), "--cost", "params", "--json"]
    assert main([*line, "--output", str(own)]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["file"] == str(own) and summary["cost"] == "parameters (million)"
    text = own.read_text()
    for label in ("true front", "front by score", "found by the search", "random"):
        assert label in text


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--cost", "joule"), "has no cost 'joule'; it has params, madds"),
        (("--output", "front.txt"), "--output ends in .png, .pdf, .svg, unlike front.txt"),
        (("--cost", "latency_ms", "--latency", "absent"), "there is no file absent"),
        (("--cost", "latency_ms"), "has no latency_ms; give --latency FILE"),
    ],
)
def test_mistakes_are_one_sentence(ranked_run, capsys, more, sentence):
    run, data, _ = ranked_run
    assert main(["pareto", str(run), "--data", str(data), *more]) == 2
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 1


def test_what_is_no_run_is_refused(tmp_path, capsys):
    assert main(["pareto", str(tmp_path)]) == 2
    assert "holds no run" in capsys.readouterr().err
    (tmp_path / "a-run").mkdir()
    (tmp_path / "a-run" / "run.json").touch()
    assert main(["pareto", str(tmp_path)]) == 2
    assert f"holds 1 run; name one, as {tmp_path / 'a-run'}." in capsys.readouterr().err
