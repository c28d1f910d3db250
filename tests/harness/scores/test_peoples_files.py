"""Files as people have them: each is read rightly, or refused in one sentence; none is misread."""

import gzip
import json

import numpy as np
import pytest

from harness.cli import main
from harness.scores.reading import Choice, read_scores
from harness.tabular.ground_truth import known_table
from searchspaces.errors import UsageError

SPACE, TABLE = known_table("nb201", "cifar10")
ROWS = np.random.default_rng(3).choice(len(TABLE), 9, replace=False).tolist()
ARCHS = [TABLE.archs[row] for row in ROWS]
SCORES = [81.099, 7.25, 13.5, 92.004, 55.125, 64.75, 3.375, 41.0625, 78.5]
KNOWN = dict(zip(ARCHS, SCORES, strict=True))
PAIRS = list(KNOWN.items())


def table(head, rows, end="\n"):
    return end.join([head] * bool(head) + rows) + end


def rows(write, separator=","):
    """A line for each architecture, its score as ``write`` has it."""
    return [f"{arch}{separator}{write(score)}" for arch, score in PAIRS]


PLAIN = table("arch,score", rows(str))
NAMED = {arch: np.float64(score) for arch, score in PAIRS}
DICT = repr(KNOWN)
READ = {
    "gzip.csv.gz": gzip.compress(PLAIN.encode()),
    "gzip, no suffix": gzip.compress(json.dumps(KNOWN).encode()),
    "byte order mark.csv": b"\xef\xbb\xbf" + PLAIN.encode(),
    "utf-16.csv": PLAIN.encode("utf-16"),
    "carriage returns.csv": PLAIN.replace("\n", "\r\n"),
    "old carriage returns.csv": PLAIN.replace("\n", "\r"),
    "blank lines.csv": PLAIN.replace("\n", "\n\n"),
    "comment.csv": "# by supernet 3\n" + PLAIN,
    "sharp before the names.csv": "# " + PLAIN,
    "of Excel.csv": "sep=;\n" + PLAIN.replace(",", ";"),
    "percent.csv": table("arch,score", rows(lambda s: f"{s} %")),
    "scientific.csv": table("arch,score", rows(lambda s: f"{s:+.9E}")),
    "white space.csv": table(" Arch , Score ", rows(lambda s: f"  {s}\t")),
    "quoted.csv": table('"arch","score"', [f'"{a}","{s}"' for a, s in PAIRS]),
    "words.txt": table("", rows(str, "   ")),
    "turned round.csv": table("score,arch", [f"{s},{a}" for a, s in PAIRS]),
    "without names, turned.csv": table("", [f"{s},{a}" for a, s in PAIRS]),
    "decimal commas.csv": table("arch;score", rows(lambda s: f"{s:.4f}".replace(".", ","), ";")),
    "small decimal commas.csv": table(
        "arch;score", rows(lambda s: f"{s / 100:.6f}".replace(".", ","), ";")
    ),
    "running numbers.csv": table("Unnamed: 0,arch,acc", [f"{i},{a},{s}" for i, (a, s) in enumerate(PAIRS)]),
    "trailing separator.csv": PLAIN.replace("\n", ",\n"),
    "numbers of NumPy.txt": repr(NAMED),
    "numbers of PyTorch.txt": DICT.replace(": ", ": tensor(").replace(", '", ", device='cuda:0'), '")[:-1] + ")}",
    "defaultdict.txt": f"defaultdict(<class 'float'>, {DICT})",
    "OrderedDict.txt": f"OrderedDict({PAIRS!r})",
    "assignment.py": f"scores = {DICT}\n",
    "text for numbers.json": json.dumps({a: str(s) for a, s in PAIRS}),
    "lists of one.json": json.dumps({a: [s] for a, s in PAIRS}),
    "several objects.json": "\n".join(
        json.dumps(dict(part)) for part in (PAIRS[:4], PAIRS[4:5], PAIRS[5:])
    ),
    "trailing comma.json": json.dumps(KNOWN)[:-1] + ",}",
    "row numbers.csv": table("arch_id,score", [f"{r},{s}" for r, s in zip(ROWS, SCORES, strict=True)]),
    "two notations.csv": table("arch,score", [f"Structure(4 nodes with {a}),{s}" if s > 50 else f"{a},{s}" for a, s in PAIRS]),
}  # fmt: skip


@pytest.fixture
def written(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("name", READ)
def test_it_is_read(name, written):
    found = read_scores(written(name, READ[name]), TABLE)
    assert {arch: found[arch] for arch in found} == pytest.approx(
        {a: s / 100 for a, s in PAIRS} if name.startswith("small") else KNOWN, rel=1e-12
    )


def missing(spelling):
    return table("arch,score", rows(str)[:-1] + [f"{ARCHS[-1]},{spelling}"])


REFUSED = {
    "thousands.csv": (table("arch,score", rows(lambda s: f'"{1000 * s:,.0f}"')), "divide thousands"),
    "commas or thousands.csv": (
        table("arch;score", rows(lambda s: f"{s + 100:.3f}".replace(".", ","), ";")), "divide thousands",
    ),
    "points or thousands.csv": (
        table("arch;score", rows(lambda s: f"{100 * s:,.0f}".replace(",", "."), ";")), "divide thousands",
    ),
    "unquoted commas.csv": (table("arch,score", rows(lambda s: str(s).replace(".", ","))), "columns"),
    "two scores.csv": (table("arch,score,score", rows(lambda s: f"{s},{-s}")), "one name"),
    "two scores of pandas.csv": (table("arch,score,score.1", rows(lambda s: f"{s},{-s}")), "called score"),
    "two spellings.csv": (table("arch,score,Score", rows(lambda s: f"{s},{-s}")), "called score"),
    "several numbers.csv": (table("arch,val,test", rows(lambda s: f"{s},{-s}")), "arch, val, test"),
    "long form.csv": (
        table("arch,proxy,value", [f"{a},{p},{s * k}" for p, k in (("x", 1), ("y", -1)) for a, s in PAIRS]),
        "has two scores",
    ),
    "several lists.json": (json.dumps({a: [s, -s] for a, s in PAIRS}), "several columns"),
    "truth values.json": (json.dumps({a: s > 50 for a, s in PAIRS}), "is no number: True"),
    "two scores.json": (json.dumps(KNOWN)[:-1] + f', "{ARCHS[0]}": 1}}', "has two scores"),
    "glued.json": (json.dumps(KNOWN) * 2, "not a JSON file"),
    "footer.csv": (PLAIN + "mean,48.5\n", "'mean' is not in the table"),
    "log.txt": (table("", [f"[INFO] arch {a} acc {s}" for a, s in PAIRS]), "not in the table"),
    "fraction.csv": (table("arch,score", rows(lambda s: f"{int(s)}/100")), "is no number"),
    "plus minus.csv": (table("arch,score", rows(lambda s: f"{s}±0.3")), "is no number"),
    "hexadecimal.csv": (table("arch,score", rows(lambda s: hex(int(s)))), "is no number"),
    "upper case.csv": (PLAIN.upper(), "in a cell of NAS-Bench-201; did you mean"),
    "another space.csv": (table("arch,score", [f"{i:08d},{s}" for i, s in enumerate(SCORES)]), "leading zeros"),
    "mixed notations.csv": (table("arch,score", [f"{ROWS[0]},1", *rows(str)[1:]]), "only where all names"),
    "cut short.csv": (PLAIN[:-40], "line 10 has 1 columns"),
    "latin.csv": (table("arch,score,für", rows(lambda s: f"{s},1")).encode("latin-1"), "save it as UTF-8"),
    "cut short.csv.gz": (gzip.compress(PLAIN.encode())[:-30], "gzip archive is damaged"),
    "table.md": (table("| arch | score |\n|---|---|", [f"| {a} | {s} |" for a, s in PAIRS]), "no column"),
    **{
        f"missing as {i}.csv": (missing(spelling), "leave those architectures out by --drop-nan")
        for i, spelling in enumerate(("NaN", "N/A", "None", "-", "", "inf", "-Infinity", "1e999", "#N/A"))
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_a_sentence(name, written, capsys):
    content, says = REFUSED[name]
    path = written(name, content)
    with pytest.raises(UsageError) as error:
        read_scores(path, TABLE)
    text = str(error.value)
    assert says in text and "\n" not in text and text.endswith((".", "?"))
    if name.startswith(("thousands", "missing as 1")):
        assert main(["evaluate", str(path), "--task", "cifar10"]) == 2
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize("spelling", ["NaN", "N/A", "None", "-", "", "inf", "null", "<NA>"])
def test_what_is_missing_can_be_left_out(spelling, written):
    found = read_scores(
        written("scores.csv", missing(spelling)), TABLE, choice=Choice(drop_nan=True)
    )
    assert found == dict(PAIRS[:-1]) and "1 of 9 scores" in found.notes[0]


def test_an_archive_that_unpacks_to_too_much_is_refused(written, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_SIZE_FACTOR", "0.00001")
    with pytest.raises(UsageError, match="unpacks to at least .* bytes"):
        read_scores(written("bomb.csv.gz", gzip.compress(b"x" * 1_000_000)), TABLE)


def test_cells_of_nb101_have_no_row_numbers(written):
    _, table = known_table("nb101", "cifar10")
    with pytest.raises(UsageError, match="no order that everybody knows"):
        read_scores(written("scores.csv", "0,1.5\n1,2.5\n7,0.5\n"), table)


def test_an_absent_cell_of_nb101_is_not_asked_for_by_row_number(written):
    _, table = known_table("nb101", "cifar10")
    with pytest.raises(UsageError, match="is not in the table .*', or as module hashes\\.$"):
        read_scores(written("scores.csv", f"{table.archs[0]},1.5\nfoo,2.5\n"), table)


def test_a_data_set_that_is_not_the_task_is_told(written):
    one = {
        name: read_scores(written(name, json.dumps({name: KNOWN})), TABLE)
        for name in ("CIFAR-10", "ImageNet16-120")
    }
    note = "The scores are of 'ImageNet16-120', the only data set in the file; none are of cifar10."
    assert {name: found.notes for name, found in one.items()} == {
        "CIFAR-10": [],
        "ImageNet16-120": [note],
    }
    assert all(found == KNOWN for found in one.values())
    assert read_scores(written("synflow", json.dumps({"synflow": KNOWN})), TABLE).notes == []
