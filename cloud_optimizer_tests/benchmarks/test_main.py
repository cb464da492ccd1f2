"""`python -m benchmarks`: each benchmark in a process of its own, failures said, sections written."""

from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHES, REPOSITORY, Bench, main

WRITE = "import sys, pathlib; pathlib.Path(sys.argv[-1]).write_text(sys.argv[1])"
MEASURED = '{"measures": [{"measure": "rate", "value": 5, "goal": ">= 9", "holds": false}]}'
GOOD = Bench("good", "Good", ("-c", WRITE, MEASURED), ("--small",), "What it does.")
BAD = Bench("bad", "Bad", ("-c", "raise SystemExit(3)"), ())
SKIPPED = Bench("skipped", "Skipped", ("-c", WRITE, '{"skipped": "no trace here"}'), ())


def test_a_failed_bench_is_named_and_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.md"
    assert main(["--results", str(results)], (BAD, SKIPPED, GOOD)) == 1
    printed = capsys.readouterr().out
    assert "bad failed with status 3 and gave no figures" in printed
    assert "skipped was skipped: no trace here" in printed
    assert "1 of 1 goals are missed." in printed
    document = results.read_text()
    assert "## Good\n\nWhat it does." in document
    assert '`make bench ARGS="good"`' in document
    assert "bench bad" not in document
    assert "bench skipped" not in document


def test_a_missed_goal_is_a_result_and_only_named_benches_run(tmp_path: Path) -> None:
    results = tmp_path / "results.md"
    assert main(["good", "--results", str(results)], (BAD, GOOD)) == 0
    assert "| rate | 5 |  | >= 9 | **missed** |" in results.read_text()


def test_a_quick_run_leaves_the_results_of_full_runs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.__main__.RESULTS", tmp_path / "results.md")
    assert main(["good", "--quick"], (GOOD,)) == 0
    assert "| rate | 5 |" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["rnu"])
    assert refused.value.code == 2
    assert "there is no benchmark rnu: choose from run, models, replay" in capsys.readouterr().err


def test_every_bench_is_a_program_of_this_folder() -> None:
    for bench in BENCHES:
        option, module = bench.program
        assert option == "-m"
        path = f"{module.replace('.', '/')}.py"
        assert (REPOSITORY / path).is_file(), bench.name
