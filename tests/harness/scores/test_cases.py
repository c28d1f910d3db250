"""Score files in the shapes of public ones, through the whole evaluation, with the right numbers."""

import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from harness import evaluate, open_table
from harness.cli import main
from searchspaces.errors import UsageError
from searchspaces.nb101.cell import EDGES, GENE, OPERATORS, module_hash
from searchspaces.registry import SPACES

N = 40


@pytest.fixture(autouse=True)
def packaged_only(monkeypatch, tmp_path):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sample():
    """Architectures of NAS-Bench-201, and scores that follow its accuracies."""
    table = open_table("nb201", "cifar10")
    rng = np.random.default_rng(3)
    rows = rng.permutation(len(table))[:N]
    truth = table.truth("test")[rows]
    return [table.archs[row] for row in rows], truth + rng.normal(0, 4, N), truth


def csv(path, archs, scores, header="arch,score"):
    lines = [header, *(f'"{a}",{s}' for a, s in zip(archs, scores, strict=True))]
    path.write_text("\n".join(lines))
    return path


def notes_of(result, word):
    return [note for note in result.notes if word in note]


@pytest.mark.slow
def test_operator_codes_are_not_row_numbers(tmp_path):
    codes = csv(tmp_path / "a.csv", ["014212", "002211", "001240"], [50, 51, 52])
    with pytest.raises(UsageError, match="orders of operators and edges differ between codes"):
        evaluate(codes, "nb201", "cifar10")
    lost = csv(tmp_path / "b.csv", [12, 120, 2021], [73, 74, 75])
    with pytest.raises(UsageError, match="00000012.*write architectures as text"):
        evaluate(lost, "macro", "cifar10")
    rows = csv(tmp_path / "c.csv", range(14), range(14), "id,score")
    (note,) = notes_of(evaluate(rows, "nb201", "cifar10"), "row numbers of the table")
    assert "(0 to 13)" in note


@pytest.mark.slow
def test_cells_by_hash_and_by_matrix_rank_the_same(tmp_path):
    table, space = open_table("nb101", "cifar10"), SPACES["nb101"]()
    rows = np.random.default_rng(0).permutation(len(table))[:6].tolist()
    archs = [space.decode(table.archs[row]) for row in rows]
    scores = [90.1, 93.2, 92.0, 91.4, 93.0, 88.7]
    specs = []
    for arch in archs:
        matrix = [[0] * 7 for _ in range(7)]
        for source, target in EDGES:
            matrix[source][target] = arch[GENE[source, target]]
        names = ["input", *(OPERATORS[gene] for gene in arch[:5]), "output"]
        specs.append({"module_adjacency": matrix, "module_operations": names})
    (tmp_path / "hash.json").write_text(
        json.dumps(dict(zip(map(module_hash, archs), scores, strict=True)))
    )
    pairs = zip(specs, scores, strict=True)
    (tmp_path / "spec").write_text(json.dumps([{"arch": a, "score": s} for a, s in pairs]))
    expected = kendalltau(scores, table.truth("test")[rows]).statistic
    for name in ("hash.json", "spec"):
        tau = evaluate(tmp_path / name, "nb101", "cifar10").tau
        assert tau["value"] == pytest.approx(expected) and tau["n"] == 6


@pytest.mark.slow
def test_a_perfect_ranking_is_certain(tmp_path, capsys):
    """25 of the embedded architectures, scored by their own rank."""
    table = open_table("nb201", "digits")
    order = np.argsort(table.truth("test"), kind="stable")
    rows = order[np.unique(table.truth("test")[order], return_index=True)[1]][::20][:25]
    path = csv(tmp_path / "s.csv", [table.archs[row] for row in rows], range(len(rows)))
    assert main(["evaluate", str(path)]) == 0
    assert capsys.readouterr().out.count("1.0000 [1.000, 1.000]") >= 3


@pytest.mark.slow
def test_columns_are_named_by_options_and_listed(sample, tmp_path, capsys):
    archs, scores, truth = sample
    path = tmp_path / "many.csv"
    rows = [f"{a},{s},{-s}" for a, s in zip(archs, scores, strict=True)]
    path.write_text("\n".join(["model string,val_acc,loss", *rows]))
    line = ["evaluate", str(path), "--task", "cifar10"]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert "the columns are model string, val_acc, loss" in said and "--score-column" in said
    expected = kendalltau(scores, truth).statistic
    for column, sign in (("val_acc", 1), ("loss", -1)):
        chosen = ["--arch-column", "model string", "--score-column", column, "--json"]
        assert main([*line, *chosen]) == 0
        tau = json.loads(capsys.readouterr().out)["metrics"]["all"]["kendall_tau"]["value"]
        assert tau == pytest.approx(sign * expected)
    assert main([*line, "--score-column", "val_ac"]) == 2
    assert "there is no column 'val_ac'" in capsys.readouterr().err


@pytest.mark.slow
def test_smaller_scores_may_be_the_better_ones(sample, tmp_path):
    archs, scores, truth = sample
    loss = csv(tmp_path / "loss.csv", archs, -scores)
    result = evaluate(loss, "nb201", "cifar10")
    assert notes_of(result, "significantly negative") and notes_of(result, "--lower-is-better")
    turned = evaluate(loss, "nb201", "cifar10", lower_is_better=True)
    assert turned.tau["value"] == pytest.approx(kendalltau(scores, truth).statistic)
    assert notes_of(turned, "Smaller scores count as better")
    assert not notes_of(turned, "significantly negative")
    usual = evaluate(csv(tmp_path / "s.csv", archs, scores), "nb201", "cifar10")
    assert not notes_of(usual, "negative") and usual.tau["value"] == turned.tau["value"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scores", "word"),
    [
        (lambda rng: rng.choice([9.8, 10.0, 10.2], N), "guessing among 10 classes"),
        (lambda rng: rng.uniform(0.106, 0.121, N), "guessing among 10 classes"),
        (lambda rng: 500 + rng.uniform(0, 0.1, N), "hardly differ"),
        (lambda rng: (rng.random(N) < 0.1) * 7.0, "only 2 different values"),
        (lambda rng: rng.uniform(20, 90, N), ""),
        (lambda rng: rng.normal(0, 1, N), ""),
    ],
)
def test_scores_that_say_nothing_get_a_note(sample, scores, word):
    archs, _, _ = sample
    drawn = scores(np.random.default_rng(1)).tolist()
    result = evaluate(dict(zip(archs, drawn, strict=True)), "nb201", "cifar10")
    words = ("guessing", "hardly differ", "different values")
    assert [note for note in result.notes if any(w in note for w in words)] == notes_of(
        result, word or "no such note"
    )
    assert bool(word) == bool(notes_of(result, word or "no such note"))


@pytest.mark.slow
def test_nan_scores_are_counted_described_and_left_out(sample, tmp_path):
    archs, scores, truth = sample
    cut = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    bad = csv(tmp_path / "nan.csv", [*archs, cut], [*scores, "nan"])
    with pytest.raises(UsageError, match="1 of 41 scores are nan, 1 of them of .* do not join"):
        evaluate(bad, "nb201", "cifar10")
    result = evaluate(bad, "nb201", "cifar10", drop_nan=True)
    assert result.tau["value"] == pytest.approx(kendalltau(scores, truth).statistic)
    assert notes_of(result, "Left out: 1 of 41 scores")


@pytest.mark.slow
def test_seeds_are_averaged_and_other_repetitions_refused(sample, tmp_path):
    archs, scores, truth = sample
    rows = [f"{a},{seed},{s + seed}" for a, s in zip(archs, scores, strict=True) for seed in (0, 2)]
    path = tmp_path / "seeds.csv"
    path.write_text("\n".join(["arch,seed,score", *rows]))
    result = evaluate(path, "nb201", "cifar10")
    assert result.tau["value"] == pytest.approx(kendalltau(scores + 1, truth).statistic)
    assert notes_of(result, "their score is the mean")
    path.write_text(path.read_text().replace("seed", "epoch"))
    with pytest.raises(UsageError, match="has two scores"):
        evaluate(path, "nb201", "cifar10")


@pytest.mark.slow
def test_a_list_in_the_order_of_the_table(tmp_path):
    table = open_table("macro", "cifar10")
    np.save(tmp_path / "s.npy", table.truth("test"))
    result = evaluate(tmp_path / "s.npy", "macro", "cifar10")
    assert result.tau["value"] == pytest.approx(1) and notes_of(result, "order of the table's rows")
    np.save(tmp_path / "short.npy", np.arange(5.0))
    with pytest.raises(UsageError, match="5 scores without architectures"):
        evaluate(tmp_path / "short.npy", "macro", "cifar10")


def test_accuracies_of_ones_own_are_the_truth(sample, tmp_path):
    archs, scores, truth = sample
    own = csv(tmp_path / "mine.csv", archs[:30], truth[:30] / 100, "arch,test_accuracy")
    given = csv(tmp_path / "s.csv", archs, scores)
    result = evaluate(given, "nb201", against=own)
    assert result.tau["value"] == pytest.approx(kendalltau(scores[:30], truth[:30]).statistic)
    assert result.tau["n"] == 30 and result.to_dict()["task"] == "mine"
    assert notes_of(result, "10 of 40 scores were left out")
    assert notes_of(result, "taken for fractions")
    assert result.floors["params"]["value"] is not None
    with pytest.raises(UsageError, match="accuracies of 0 of the 10 scored"):
        evaluate(csv(tmp_path / "t.csv", archs[30:], scores[30:]), "nb201", against=own)
    two = tmp_path / "two.csv"
    two.write_text("arch,val,test\n" + "\n".join(f"{a},{n},{n}" for n, a in enumerate(archs)))
    with pytest.raises(UsageError, match="name it by against_column"):
        evaluate(given, "nb201", against=two)
    assert evaluate(given, "nb201", against=two, against_column="test").tau["n"] == 40


def test_draw_reads_a_list_of_choices_at_the_scale_that_has_it(tmp_path, capsys):
    line = ["draw", "[1, 0, 2, 3]", "--space", "shufflenet", "--output", str(tmp_path / "a.svg")]
    assert main([*line, "--json"]) == 0
    drawn = json.loads(capsys.readouterr().out)
    assert (drawn["scale"], drawn["arch"]) == ("compact", "1023")
