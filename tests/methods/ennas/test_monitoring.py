"""What EnNAS tells of its teacher and subnets while it trains; it changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ennases import ALWAYS, make, planted

from methods.ennas import method as ennas
from methods.ennas.ensemble import EnsembleWeights, ensemble_weights
from methods.ennas.method import combine, watch
from methods.ennas.options import EnNASOptions


def test_what_is_watched():
    logits = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(7) % 4
    weights = torch.tensor([0.5, 0.2, 0.3], dtype=torch.float64)
    got = watch(logits, labels, {"teacher": weights, "first": torch.tensor([1.0, 0, 0])})
    z, y = logits.numpy(), labels.numpy()
    mixed = np.tensordot(weights.numpy(), z, 1)
    assert got["teacher"].item() == pytest.approx(100 * np.mean(mixed.argmax(1) == y))
    assert got["first"].item() == pytest.approx(100 * np.mean(z[0].argmax(1) == y))
    assert got["student_accuracy"].item() == pytest.approx(100 * np.mean(z.argmax(2) == y))
    pairs = [(0, 1), (0, 2), (1, 2)]
    distances = [np.linalg.norm(z[a] - z[b], axis=1).mean() for a, b in pairs]
    lengths = np.linalg.norm(z, axis=2)
    cosines = [((z[a] * z[b]).sum(1) / lengths[a] / lengths[b]).mean() for a, b in pairs]
    assert got["logit_distance"].item() == pytest.approx(np.mean(distances), rel=1e-5)
    assert got["logit_cosine"].item() == pytest.approx(np.mean(cosines), rel=1e-5)
    torch.testing.assert_close(combine(weights, logits).numpy(), mixed.astype(np.float32))


def test_every_step_is_recorded_alike():
    names = {"loss", "teacher_accuracy_oracle_w", "student_accuracy"}
    names |= {"logit_distance", "logit_cosine"}
    method = planted(EnNASOptions(warmup=0.5), steps=4)
    assert all(method.train_step(step).keys() == names for step in range(4))


def test_weights_held_by_a_bound_are_counted(monkeypatch):
    method, fitted = planted(replace(ALWAYS, weights="affine"), batch_size=2), []
    solve = ennas.ensemble_weights
    monkeypatch.setattr(
        ennas, "ensemble_weights", lambda *given: fitted.append(solve(*given)) or fitted[-1]
    )
    told = [method.train_step(step)["weights_at_bound"].item() for step in range(4)]
    assert told == [(each.weights.abs() > 9.999).sum().item() for each in fitted]
    assert max(told) > 0
    uniform = torch.full((4,), 0.25, dtype=torch.float64)
    held = EnsembleWeights(uniform, torch.tensor(2.0))
    monkeypatch.setattr(ennas, "ensemble_weights", lambda *_: held)
    assert method.train_step(1)["weights_at_bound"].item() == 2.0


def test_the_teacher_watched_has_the_mean_weights_of_its_epoch():
    """Each subnet as the teacher in turn."""
    method, seen = make(), []
    x, y = next(method.data.batches("val", 40))
    paths = method.sample_paths(method.rng(51, 0))
    for number, path in enumerate(paths):
        method.weights_sum = 3 * torch.eye(len(paths), dtype=torch.float64)[number]
        seen.append(method.epoch_report(3)["teacher_accuracy"])
        with torch.no_grad():
            right = method.supernet(x, path).argmax(1) == y
        assert seen[-1] == pytest.approx(100 * right.double().mean().item())
    assert len(set(seen)) > 1


def test_epoch_report_watches_the_teacher_on_validation_images():
    method = make()
    reports, fitted = [], []
    for step in range(4):
        x, y = method.data.train_batch(step, 10, 0)
        paths = method.sample_paths(method.rng(11, step))
        method_logits = torch.stack([method.supernet(x, path).detach() for path in paths])
        fitted.append(ensemble_weights(method_logits, y).weights)
        method.train_step(step)
        before = {n: t.clone() for n, t in method.supernet.state_dict().items()}
        reports.append(method.epoch_report(step))
        assert all(torch.equal(t, before[n]) for n, t in method.supernet.state_dict().items())
    assert reports[:3] == [{}] * 3
    torch.testing.assert_close(method.weights_sum, torch.stack(fitted).sum(0))
    paths = method.sample_paths(method.rng(51, 0))
    x, y = next(method.data.batches("val", 40))
    logits = torch.stack([method.supernet(x, path).detach() for path in paths])
    oracle = combine(ensemble_weights(logits, y).weights, logits)
    trained = combine(torch.stack(fitted).mean(0), logits)

    def percent(z):
        return pytest.approx(100 * (z.argmax(-1) == y).double().mean().item(), abs=1e-3)

    assert reports[3]["teacher_accuracy_oracle_w"] == percent(oracle)
    assert reports[3]["teacher_accuracy"] == percent(trained)
    assert reports[3]["student_accuracy"] == percent(logits)


def test_reports_can_be_left_out():
    method = planted(replace(ALWAYS, report_images=0, data_share=0.01))
    method.train_step(0)
    assert method.epoch_report(0) == {}


def test_every_epoch_is_probed_and_watched_by_draws_of_its_own(monkeypatch):
    """Of 4 steps each; the first is not probed."""
    method, asked = make(), []
    rng = method.rng
    monkeypatch.setattr(method, "rng", lambda *of: asked.append(of) or rng(*of))
    monkeypatch.setattr(ennas, "diversity_tables", lambda *_: {})
    for epoch in range(3):
        method._begin_epoch(epoch)
        method.epoch_report(4 * epoch + 3)
    assert asked == [(51, 0), (50, 1), (51, 1), (50, 2), (51, 2)]
