"""DNA: every stage by itself, under a teacher that learns nothing from it."""

import numpy as np
import planted
import pytest
import torch
from planted import PlantedData, PlantedSpace
from scipy.stats import kendalltau
from scored import make as made_of

from harness.config.presets import preset_values
from harness.conformance.noise import Part
from methods.base import Setting, set_learning_rate
from methods.dna.method import DNA, TEACHER, block_errors
from methods.dna.options import DNAOptions
from methods.options import Recipe, Scoring, SearchLimits
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

PATH = (3, 1, 2, 4, 1, 3)


def test_the_teacher_is_trained_first_and_then_left_alone(make):
    method = make(teacher_share=0.5)
    supernet = {k: v.clone() for k, v in method.supernet.state_dict().items()}
    for step in range(4):
        method.train_step(step)
    assert all(torch.equal(v, supernet[k]) for k, v in method.supernet.state_dict().items())
    teacher = {k: v.clone() for k, v in method.teacher.state_dict().items()}
    for step in range(4, 8):
        method.train_step(step)
    assert all(torch.equal(v, teacher[k]) for k, v in method.teacher.state_dict().items())
    assert not all(torch.equal(v, supernet[k]) for k, v in method.supernet.state_dict().items())
    assert method.costs["path_forwards"] == 4 + 2 * 4
    assert method.costs["path_backwards"] == 8


def test_the_teacher_learns_smoothed_labels(make):
    method, twin = (make(recipe={"label_smoothing": 0.2}) for _ in range(2))
    x, y = twin.data.train_batch(0, 16, 0)
    logs = twin.teacher.train()(x).log_softmax(1)
    expected = -(0.8 * logs[range(16), y] + 0.2 * logs.mean(1)).mean()
    torch.testing.assert_close(method.train_step(0)["loss"], expected.detach())


def test_the_error_of_a_stage_reaches_no_other_stage_and_no_teacher(make, task):
    method = make()
    x, _ = task.train_batch(0, 16, 0)
    states = method.teacher_states(x)
    assert not any(tensor.requires_grad for state in states for tensor in state)
    errors = block_errors(method.supernet, PATH, states)
    assert errors.shape == (2,)
    errors[0].backward()
    grads = {n: p.grad for n, p in method.supernet.named_parameters() if p.grad is not None}
    touched = {name.split(".")[1] for name, grad in grads.items() if grad.any()}
    assert touched == {"0"}
    assert all(p.grad is None for p in method.teacher.parameters())


def test_its_network_has_the_teachers_ends_around_its_own_stages(make, task):
    method = make(teacher_share=0.5)
    for step in range(8):
        method.train_step(step)
    network, x = method.network_of(PATH).eval(), next(task.batches("val", 8))[0]
    state = method.teacher.eval().begin(x)
    for index in range(2):
        state = method.supernet.eval().stage(index, state, PATH)
    torch.testing.assert_close(network(x), method.teacher.finish(state))
    assert not torch.allclose(network(x), method.supernet(x, PATH))


def test_where_stages_are_not_told_apart_there_is_no_such_network(make, monkeypatch):
    method = make()
    monkeypatch.setattr(type(method.supernet), "stage_parts", lambda self, index: ())
    with pytest.raises(UsageError, match="give them stage_parts"):
        method.network_of(PATH)


def test_a_step_descends_the_sum_of_the_errors_of_the_stages(make):
    """Of the teacher's features in evaluation mode, and one path in training mode."""
    method, twin = make({"clip": 0.0}, teacher_share=0.01), make({"clip": 0.0}, teacher_share=0.01)
    for each in (method, twin):
        each.train_step(0)
    x, _ = twin.data.train_batch(1, 16, 0)
    (path,) = twin.sample_paths(twin.rng(TEACHER, 2))
    assert twin.space.is_valid(path)
    state, total = twin.teacher.eval().begin(x), 0.0
    for index in range(2):
        goal = tuple(tensor.detach() for tensor in twin.teacher.stage(index, state))
        state = tuple(tensor.detach() for tensor in state)
        apart = twin.supernet.train().stage(index, state, path)[-1] - goal[-1]
        total = total + apart.square().mean() / goal[-1].var()
        state = goal
    total.backward()
    assert method.train_step(1)["loss"].item() == pytest.approx(total.item(), rel=1e-5)
    pairs = list(zip(method.supernet.parameters(), twin.supernet.parameters(), strict=True))
    largest = max(other.grad.abs().max() for _, other in pairs if other.grad is not None)
    for mine, other in pairs:
        assert (mine.grad is None) == (other.grad is None)
        if mine.grad is not None:  # biases in front of a BN have gradients of rounding errors
            torch.testing.assert_close(mine.grad, other.grad, rtol=1e-3, atol=1e-3 * largest.item())


def test_a_dead_cell_learns_nothing_and_stops_nothing(make, monkeypatch):
    method = make(teacher_share=0.1)
    method.train_step(0)
    monkeypatch.setattr(method, "sample_paths", lambda rng: [(0,) * 6])
    before = {k: v.clone() for k, v in method.supernet.named_parameters()}
    assert method.train_step(1)["loss"].isfinite()
    assert all(torch.equal(v, before[k]) for k, v in method.supernet.named_parameters())


def test_a_student_with_the_weights_of_the_teacher_makes_no_error(make, task):
    method = make()
    x, _ = task.train_batch(0, 16, 0)
    errors = block_errors(method.teacher, None, method.teacher_states(x))
    assert torch.equal(errors, torch.zeros(2))


def test_the_teacher_is_the_one_that_was_named(make):
    space = SPACES["nb201"]("compact")
    named = make(teacher=space.encode(PATH))
    assert named.teacher_arch == PATH
    assert named.notes() == [f"the teacher is {space.encode(PATH)}"]
    rng = np.random.default_rng([TEACHER, 0, 0])
    drawn = [tuple(int(rng.integers(5)) for _ in range(6)) for _ in range(100)]
    costliest = make()
    madds = {arch: space.cost(arch, named.data.image).madds for arch in drawn}
    assert space.is_valid(costliest.teacher_arch)
    assert madds[costliest.teacher_arch] == max(madds.values())
    assert costliest.notes()[0].startswith("the teacher is the costliest of 100 random arch")


def test_steps_of_the_teacher_are_the_nearest_to_its_share(make):
    """One at the least, where there is a share."""
    shares = {0.3: 2, 0.45: 4, 0.01: 1, 0.99: 8}
    assert {share: make(teacher_share=share).teacher_steps for share in shares} == shares
    assert make(teacher_share=0.0).teacher_steps == 0


@pytest.mark.parametrize("bn", ["recalibrate", "batchstat", "running"])
def test_a_score_is_the_error_on_validation_images(bn):
    """Minus the mean over stages of squared errors by the teacher's variance, in percent."""
    method = made_of("dna", "nb201", bn, {"teacher": "", "teacher_share": 0.5})
    data, expected = method.data, []
    rng = np.random.default_rng(0)
    archs = [method.space.sample(rng) for _ in range(4)]
    teacher = method.teacher.eval()
    for arch in archs:
        subnet, total = method.supernet.subnet(arch), 0.0

        def error(x, subnet=subnet):
            state, errors = teacher.begin(x), []
            for index in range(2):
                goal = teacher.stage(index, state)
                difference = subnet.stage(index, state)[-1] - goal[-1]
                errors.append(difference.square().mean() / goal[-1].var())
                state = goal
            return sum(errors).item() / 2

        with torch.no_grad():
            if bn == "recalibrate":
                for norm in subnet.modules():
                    if isinstance(norm, torch.nn.BatchNorm2d):
                        norm.momentum = 1.0  # one batch replaces all there was
                subnet.train()
                error(data.train.images[:40])
            subnet.train(bn == "batchstat")
            for x in data.val.images[:44].split(24):
                total += len(x) * error(x)
        expected.append(-100 * total / 44)
    np.testing.assert_allclose(method.score(archs), expected, rtol=1e-4)


def test_other_training_images_leave_a_score_and_other_validation_images_do_not():
    """Where BN asks for none."""
    method = made_of("dna", "nb201", "running", {"teacher": ""})
    archs = [method.space.sample(np.random.default_rng(seed)) for seed in range(3)]
    before = method.score(archs)
    data = method.data
    data.train = Part(-data.train.images, data.train.labels)
    method.blocks.errors.clear()  # of the images that it had
    assert method.score(archs).tolist() == before.tolist()
    data._val = Part(-data.val.images, data.val.labels)
    method.blocks.errors.clear()
    assert (np.abs(method.score(archs) / before - 1) > 1e-3).any()


@pytest.mark.slow
def test_planted_ranking_is_found(monkeypatch):
    """Where operators are nearer to the teacher's the better they are, so without own noise."""
    strengths = [[0.0, 2.9, 4.1], [0.1, 3.0, 4.0], [0.05, 3.2, 3.9], [0.0, 3.1, 4.2]]
    monkeypatch.setattr(planted, "STRENGTH", np.sqrt(strengths))
    where = Setting(
        space=PlantedSpace(),
        data=PlantedData(shared_noise=True),
        recipe=Recipe(steps=300, batch_size=64, lr=0.05, weight_decay=0.0),
        scoring=Scoring(calibration_images=1000, batch_size=1000),
        search=SearchLimits(population=4, generations=1, parents=2),
        seed=0,
        device=torch.device("cpu"),
    )
    method = DNA(where, DNAOptions(teacher="2222"))
    for step in range(300):
        method.train_step(step)
    archs = [arch for arch in np.ndindex(3, 3, 3, 3) if any(arch)]
    truth = [method.space.truth(arch) for arch in archs]
    assert kendalltau(method.score(archs), truth).statistic > 0.9
    assert archs[int(method.score(archs).argmax())] == (2, 2, 2, 2)


def test_impossible_options_are_refused(make):
    wrong = [("teacher-share", 1.0), ("teacher-share", -0.1), ("teacher-lr", 0.0), ("blocks", -1)]
    for name, value in wrong:
        with pytest.raises(UsageError, match=f"--options.{name} must be .*, not {value}"):
            DNAOptions(**{name.replace("-", "_"): value})
    with pytest.raises(UsageError, match="untrained"):
        make(teacher_share=0.0).train_step(0)
    with pytest.raises(UsageError, match="not a NAS-Bench-201 architecture"):
        make(teacher="nonsense")


# Blocks and the search ----------------------------------------------------------------------


@pytest.fixture
def macro(task):
    def made(max_madds=0.0, lr=0.1, **options):
        where = Setting(
            space=SPACES["macro"]("compact"),
            data=task,
            recipe=Recipe(steps=6, batch_size=16, lr=lr),
            scoring=Scoring(calibration_images=60, images=80, batch_size=50),
            search=SearchLimits(population=5, max_madds=max_madds),
            seed=0,
            device=torch.device("cpu"),
        )
        method = DNA(where, DNAOptions(**options))
        for step in range(6):
            method.train_step(step)
        return method

    return made


def by_hand(method, arch):
    """Each stage of the subnet by itself under the teacher, BNs calibrated on all images at once."""
    subnet = method.supernet.subnet(arch)
    calibration = method.teacher_states(next(method.data.batches("train", 60))[0])
    norms = [m for m in subnet.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        block_errors(subnet.train(), None, calibration)
        x, _ = next(method.data.batches("val", 80))
        errors = [
            block_errors(subnet.eval(), None, method.teacher_states(part)) * len(part)
            for part in (x[:50], x[50:80])
        ]
    return -100 * (sum(errors) / 80).mean().item()


@pytest.mark.slow
def test_a_score_is_the_mean_error_of_the_stages(macro):
    method = macro()
    rng = np.random.default_rng(0)
    archs = [method.space.sample(rng) for _ in range(4)]
    expected = [by_hand(method, arch) for arch in archs]
    np.testing.assert_allclose(method.score(archs), expected, rtol=1e-4)


@pytest.mark.slow
def test_63_blocks_score_all_of_macro(macro, monkeypatch):
    method = macro()
    asked = []
    subnet = method.supernet.subnet
    monkeypatch.setattr(method.supernet, "subnet", lambda arch: asked.append(arch) or subnet(arch))
    assert method.search_epochs == 1
    scored = method.search_epoch(0)
    assert len(asked) == sum(method.blocks.numbers) == len(method.blocks.errors) == 9 + 27 + 27
    archs = list(np.ndindex(*[3] * 8))
    scores = method.score(archs)
    assert len(asked) == 63  # nothing is computed twice
    best = sorted(scores.tolist(), reverse=True)[:5]
    np.testing.assert_allclose([score for _, score in scored], best, rtol=1e-12)
    assert method.found() == archs[int(scores.argmax())]


@pytest.mark.slow
def test_the_search_keeps_to_its_constraint(macro):
    free = macro()
    free.search_epoch(0)
    cost = {a: free.space.cost(a, free.data.image).madds / 1e6 for a in np.ndindex(*[3] * 8)}
    limit = float(np.quantile(list(cost.values()), 0.1))
    method = macro(max_madds=limit)
    scored = method.search_epoch(0)
    within = [arch for arch, madds in cost.items() if madds <= limit]
    scores = method.score(within)
    assert all(cost[arch] <= limit for arch, _ in scored)
    assert max(scores) == pytest.approx(scored[0][1], rel=1e-12)


@pytest.mark.slow
def test_training_forgets_what_was_scored(macro):
    method = macro()
    before = method.score([(1,) * 8])
    method.train_step(5)
    assert method.score([(1,) * 8]) != before
    assert method.score([(1,) * 8]) == pytest.approx(by_hand(method, (1,) * 8), rel=1e-4)


def test_nothing_is_scored_in_training_before_the_stages_have_taken_a_step(make, monkeypatch):
    method = make(teacher_share=0.25)
    monkeypatch.setattr(method, "score", lambda archs: f"of {archs}")
    found = [method.score_in_training("some", step) for step in (1, 2, 3, 8)]
    assert method.teacher_steps == 2 and found == [None, None, "of some", "of some"]


def test_scoring_passes_images_through_teacher_and_subnet(macro):
    method = macro()
    before = method.costs["scoring_image_passes"]
    method.score([(1,) * 8, (2,) * 8])
    assert method.costs["scoring_image_passes"] - before == 2 * 2 * (60 + 80)


@pytest.mark.slow
def test_other_weights_forget_what_was_scored(macro):
    method, other = macro(), macro()
    before = method.score([(1,) * 8])
    other.train_step(5)
    method.load_trained_state(other.trained_state())
    assert method.score([(1,) * 8]) == other.score([(1,) * 8]) != before


def test_cells_are_searched_by_evolution(make):
    method = make()
    assert not method.exhaustive and method.search_epochs == 1
    assert len(method.search_epoch(0)) == 4
    many = DNA(method.setting, DNAOptions(blocks=10))
    assert not many.exhaustive


def test_adam_moves_the_stages_as_released(make):
    method = make(optimizer="adam")
    assert isinstance(method.optimizer, torch.optim.Adam)
    assert method.optimizer.defaults["betas"] == (0.9, 0.999)
    assert {group["eps"] for group in method.optimizer.param_groups} == {1e-8}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_first_and_the_last_stage_have_a_rate_of_their_own(macro, optimizer):
    """0.002 and 0.005 as released, decayed alike; only tensors of several dimensions are penalised."""
    paper = preset_values("paper", "cifar10", "dna")
    rate, ratio = paper["train.lr"], paper["options.outer_lr_ratio"]
    assert [rate, rate * ratio] == pytest.approx([0.005, 0.002])
    method = macro(lr=rate, optimizer=optimizer, outer_lr_ratio=ratio)

    def by_name(key):
        groups = method.optimizer.param_groups
        names = {p: name for name, p in method.supernet.named_parameters()}
        pairs = [(names[p], group[key]) for group in groups for p in group["params"]]
        assert len(pairs) == len(dict(pairs)) == len(names)
        return dict(pairs)

    expected = [0.002] * 2 + [0.005] * 3 + [0.002] * 3  # two, three and three layers
    for step, factor in ((0, 1.0), (3, 0.5)):
        set_learning_rate(method.optimizer, method.setting.recipe, step)
        rates = by_name("lr")
        for layer, value in enumerate(expected):
            own = [rates[name] for name in rates if name.startswith(f"blocks.{layer}.")]
            assert own == pytest.approx([value * factor] * len(own))
    dims = {name: p.dim() for name, p in method.supernet.named_parameters()}
    assert by_name("weight_decay") == {name: 5e-4 * (dim > 1) for name, dim in dims.items()}
    same = macro(lr=rate, optimizer=optimizer)
    set_learning_rate(same.optimizer, same.setting.recipe, 0)
    assert {group["lr"] for group in same.optimizer.param_groups if group["params"]} == {rate}


def test_a_space_that_tells_no_stages_apart_has_one_rate(make, monkeypatch):
    method = make(outer_lr_ratio=0.5)
    assert not any("one rate" in note for note in method.notes())
    monkeypatch.setattr(method.supernet, "stage_parts", lambda index: ())
    assert {group["lr"] for group in method._stages_optimizer().param_groups} == {0.1}
    assert any("one rate" in note for note in method.notes())
    with pytest.raises(UsageError, match="outer-lr-ratio must be above 0, not 0"):
        make(outer_lr_ratio=0)
