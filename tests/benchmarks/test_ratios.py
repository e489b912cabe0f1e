"""What is said of ratios that were kept."""

from pathlib import Path

from benchmarks.ratios import changes, keep, kept, mergeable

KEPT = {"sinusoid": {"as a worker": 20.0, "as installed": 30.0}, "anil": {"as a worker": 2.0}}


def test_only_what_is_more_than_a_tenth_off_has_changed_and_the_worst_comes_first() -> None:
    measured = {"sinusoid": {"as a worker": 18.1, "as installed": 36.0}, "anil": {"as a worker": 1.7}}
    found = changes(KEPT, measured)
    assert [(one.workload, one.setting, one.fell) for one in found] == [
        ("anil", "as a worker", True),
        ("sinusoid", "as installed", False),
    ]
    assert str(found[0]) == "anil, as a worker: 2 → 1.7 times (-15 %)"


def test_the_same_ratios_have_not_changed() -> None:
    assert changes(KEPT, KEPT) == []


def test_what_was_not_measured_or_never_kept_is_no_change() -> None:
    assert changes(KEPT, {"anil": {"as installed": 1.0}, "protonet": {"as a worker": 0.1}}) == []


def test_ratios_are_kept_with_where_they_are_from(tmp_path: Path) -> None:
    path = tmp_path / "ratios.json"
    assert kept(path)["ratios"] == {}
    keep({"sinusoid": {"as a worker": 20.04}}, "2 cores", 7, path)
    found = kept(path)
    assert found["ratios"] == {"sinusoid": {"as a worker": 20.0}}
    assert (found["machine"], found["rounds"]) == ("2 cores", 7)
    assert found["versions"]["torch"]
    assert found["date"][:2] == "20"


def test_only_ratios_of_the_same_machine_and_versions_may_stand_beside_each_other(tmp_path: Path) -> None:
    path = tmp_path / "ratios.json"
    assert mergeable("2 cores", path)  # with nothing kept
    keep({"sinusoid": {"as a worker": 20.0}}, "2 cores", 7, path)
    assert mergeable("2 cores", path)
    assert not mergeable("8 cores", path)
    path.write_text(path.read_text().replace(kept(path)["versions"]["torch"], "0.1"))
    assert not mergeable("2 cores", path)
