"""Examples of one's own as a family's learner takes them, and in words what of them cannot be used."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data import given
from data.errors import InnerloopError
from data.family import TaskFamily
from data.omniglot import shrink
from data.registry import families
from tests.data.made_up_texts import sentences
from tests.data.photographs import album, content, pixels, zipped


def opened(name: str, **settings: object) -> TaskFamily:
    kind = families()[name]
    return kind(kind.Config(**settings), datasets=Path(), cache=Path())


def drawing(side: int = 105, paper: int = 255, pen: int = 0) -> Image.Image:
    """A stroke down the middle."""
    grey = np.full((side, side), paper, np.uint8)
    grey[side // 5 : -side // 5, side // 2 - side // 20 : side // 2 + side // 20] = pen
    return Image.fromarray(grey)


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# Pictures


@pytest.mark.parametrize("packed", [False, True])
def test_a_class_is_a_folder_of_pictures(packed: bool, tmp_path: Path) -> None:
    source = album(tmp_path / "birds", {"owl": 2, "crow": 1})
    source = zipped(source, tmp_path / "birds.zip", "birds/") if packed else source
    found = opened("pictures", side=28).given(source)
    assert found.classes == ("crow", "owl")
    assert found.targets.tolist() == [0, 1, 1]
    assert found.inputs.shape == (3, 3, 28, 28) and 0 <= found.inputs.min() < found.inputs.max() <= 1


def test_a_picture_is_what_a_data_set_makes_of_it(tmp_path: Path) -> None:
    file = write(tmp_path / "a.png", content(5, side=40))
    small = np.array(Image.fromarray(pixels(5, 40)).resize((84, 84), Image.Resampling.LANCZOS))
    for name in ("mini_imagenet", "pictures"):
        asked = opened(name).given_queries([str(file)])
        assert asked.names == (str(file),)
        assert torch.equal((asked.inputs[0] * 255).round().byte(), torch.from_numpy(small).permute(2, 0, 1))
    assert opened("pictures", side=28, colour=False).given_queries([str(file)]).inputs.shape == (1, 1, 28, 28)


def test_a_list_of_pictures_is_taken_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    album(tmp_path / "birds", {"owl": 1, "crow": 1})
    text = "path,label\nowl/000.png,owl\ncrow/000.png,crow\ncrow/gone.png,crow\n"
    found = opened("pictures").given(write(tmp_path / "birds/list.csv", text))
    assert found.classes == ("crow", "owl")
    assert found.remarks == ("crow/gone.png does not exist, and was left out.",)


def test_a_drawing_becomes_what_omniglot_makes_of_it_in_whatever_colours(tmp_path: Path) -> None:
    family, wanted = opened("omniglot"), torch.from_numpy(shrink(drawing()))
    for paper, pen, factor in ((255, 0, 1.0), (0, 255, 1.0), (200, 60, 140 / 255), (40, 240, 200 / 255)):
        file = tmp_path / f"{paper}.png"
        drawing(paper=paper, pen=pen).convert("1" if factor == 1 else "L").save(file)
        (made,) = family.given_queries([str(file)]).inputs * 255
        near = 0.0 if factor == 1 else 25.0  # the filter overshoots, where black and white leave no room to
        torch.testing.assert_close(made[0], wanted * factor, atol=near, rtol=0)


@pytest.mark.parametrize(
    ("files", "says", "remedy"),
    [
        ({"owl/1.png": content(1)}, "the one class owl", "folder of its own"),
        ({"1.png": content(1)}, "no class's folder", "Give each class a folder"),
        ({"owl/1.png": content(1), "crow/1.png": b"PNG?"}, "crow/1.png cannot be read", "save it anew"),
        ({"owl/1.png": content(1), "crow/1.png": content(1)[:90]}, "crow/1.png cannot be read", "save it anew"),
        ({"owl/1.png": content(1), "crow/1.png": b""}, "crow/1.png cannot be read", "save it anew"),
    ],
)
def test_pictures_that_make_no_task(files: dict[str, bytes], says: str, remedy: str, tmp_path: Path) -> None:
    for name, held in files.items():
        write(tmp_path / name, held)
    with pytest.raises(InnerloopError) as error:
        opened("pictures").given(tmp_path)
    assert says in error.value.message and remedy in error.value.remedy


def test_more_than_a_task_takes_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given, "MOST_EXAMPLES", 3)
    for i in range(4):
        write(tmp_path / f"class{i % 2}/{i}.png", b"not read")
    with pytest.raises(InnerloopError, match=r"4 examples of 2 classes.* at most"):
        opened("pictures").given(tmp_path)
    monkeypatch.setattr(given, "MOST_QUERIES", 1)
    with pytest.raises(InnerloopError, match="2 queries are asked, and 1 "):
        opened("pictures").given_queries(["a.png", "b.png"])


def test_queries_that_are_no_pictures(tmp_path: Path) -> None:
    family = opened("doodles")
    for file, says in (
        (tmp_path, "is a folder"),
        (tmp_path / "no.png", "does not exist"),
        (write(tmp_path / "t", "x"), "read"),
    ):
        with pytest.raises(InnerloopError, match=says):
            family.given_queries([str(file)])


# Texts


def test_texts_out_of_a_table_or_a_folder(tmp_path: Path) -> None:
    family = opened("intents", longest=8)
    rows = [("open it", "open"), ("close it", "close"), ("", "close"), ("open up", "open")]
    table = write(tmp_path / "t.tsv", "label\ttext\n" + "".join(f"{label}\t{text}\n" for text, label in rows))
    found = family.given(table)
    assert found.classes == ("close", "open") and found.targets.tolist() == [0, 1, 1]
    assert torch.equal(found.inputs, family.tokens(["close it", "open it", "open up"]))
    assert "1 row without a text or a label was left out." in found.remarks
    write(tmp_path / "texts/close.txt", "close it\n")
    write(tmp_path / "texts/open.txt", "open it\n\n open  up \n")
    again = family.given(tmp_path / "texts")
    assert again.classes == found.classes and torch.equal(again.inputs, found.inputs)


def test_a_persons_own_columns_are_those_of_the_run(tmp_path: Path) -> None:
    lines = "".join(f'{{"says": "{text}", "means": {i}}}\n' for i in range(2) for text in sentences(i, 2))
    found = opened("own-texts", text_column="says", label_column="means").given(write(tmp_path / "t.jsonl", lines))
    assert found.classes == ("0", "1") and len(found.inputs) == 4


def test_queries_are_lines_of_files_or_of_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family = opened("intents")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("déjà vu\n".encode())))
    asked = family.given_queries([str(write(tmp_path / "a.txt", "open it\n\nclose it")), "-"])
    assert asked.names == ("open it", "close it", "déjà vu")
    assert torch.equal(asked.inputs, family.tokens(asked.names))


@pytest.mark.parametrize(
    ("name", "held", "says", "remedy"),
    [
        ("t.csv", "words,label\na,b\n", "no column 'text', only 'words', 'label'", "columns text and label"),
        ("t.csv", "text,label\na b,one\nc d,one\n", "the one class one", "another label"),
        ("t.csv", "", "it is empty", "columns text and label"),
        ("t.csv", "text,label\n", "has no class", "another label"),
        ("t.pdf", "text", "its name ends with none of .csv", "columns text and label"),
        ("t.csv", b"text,label\n\0,a", "zero bytes", "columns text and label"),
        ("no.csv", None, "does not exist", "Check the path"),
        ("folder/a.txt", "", "a.txt cannot be read: it is empty", "one example a line"),
        ("folder/a.md", "x", "has no class", ".txt file"),
    ],
)
def test_texts_that_make_no_task(name: str, held: str | None, says: str, remedy: str, tmp_path: Path) -> None:
    if held is not None:
        write(tmp_path / name, held)
    source = tmp_path / name.split("/")[0]
    with pytest.raises(InnerloopError) as error:
        opened("intents").given(source)
    assert says in error.value.message and remedy in error.value.remedy


# Curves, and what has nothing to give


@pytest.mark.parametrize("text", ["x,y\n0.5,1\n-1,2e-1\n", "0.5;1\n-1;0.2", "0.5\t1\n-1\t.2\n", "0.5 1\n\n-1 0.2"])
def test_points_of_a_curve(text: str, tmp_path: Path) -> None:
    found = opened("sinusoid").given(write(tmp_path / "points.csv", text))
    torch.testing.assert_close(found.inputs, torch.tensor([[0.5], [-1.0]]))
    torch.testing.assert_close(found.targets, torch.tensor([[1.0], [0.2]]))
    assert found.classes == () and found.remarks == ()


def test_xs_are_asked_a_line_each(tmp_path: Path) -> None:
    asked = opened("sinusoid").given_queries([str(write(tmp_path / "x.txt", "x\n1\n7.25\n"))])
    assert asked.names == ("1", "7.25") and asked.inputs.tolist() == [[1.0], [7.25]]
    assert asked.remarks == ("1 of 2 x lie outside of [-5, 5], where it never learned.",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty"),
        ("1\n2\n", "line 1, “1”, is not x and y in numbers"),
        ("x,y\n1,2,3\n", "line 2"),
        ("1,2\n1,two\n", "line 2, “1,two”"),
        ("1,2\n1,nan\n", "line 2"),
        ("1,2\n1,1e39\n", "line 2"),
    ],
)
def test_points_that_are_none(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InnerloopError) as error:
        opened("sinusoid").given(write(tmp_path / "points.csv", text))
    assert says in error.value.message and "x,y in each line" in error.value.remedy


def test_too_many_points(tmp_path: Path) -> None:
    with pytest.raises(InnerloopError, match=r"2,001 points.* at most\. Give fewer"):
        opened("sinusoid").given(write(tmp_path / "points.csv", "1,2\n" * (given.MOST_EXAMPLES + 1)))


def test_where_there_is_nothing_to_give(tmp_path: Path) -> None:
    for ask in (lambda family: family.given(tmp_path), lambda family: family.given_queries(["a"])):
        with pytest.raises(InnerloopError, match=r"takes no examples.* Choose a run on"):
            ask(opened("navigation"))
