"""Cream on the planted space, some steps into its training."""

import torch
from planted import PlantedData, PlantedSpace

from methods.base import PATHS, Setting
from methods.cream.method import Cream
from methods.cream.options import CreamOptions
from methods.options import Recipe, Scoring, SearchLimits

STEPS, OPENS = 24, 4
EVERY = 5
OPTIONS = CreamOptions(board=3, update_share=EVERY / STEPS)
RECIPE = Recipe(steps=STEPS, batch_size=32, lr=0.05, label_smoothing=0.1)
DATA = PlantedData(600)


def setting(recipe=RECIPE, data=DATA, **limits):
    return Setting(
        space=PlantedSpace(),
        data=data,
        recipe=recipe,
        scoring=Scoring(calibration_images=300, batch_size=300),
        search=SearchLimits(population=6, generations=2, parents=3, **limits),
        seed=0,
        device=torch.device("cpu"),
    )


def trained(steps, options=OPTIONS, quirks=None, **limits):
    method = Cream(setting(**limits), options)
    method.quirks = quirks or method.quirks
    for step in range(steps):
        method.train_step(step)
    return method


def path_of(method, step):
    return method.sample_paths(method.rng(PATHS, step))[0]


def batch_of(method, step):
    return method.data.train_batch(step, RECIPE.batch_size, 0)


def state_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def scores_of(method, path):
    """Matching scores of the board's entries, one pass over all of their images."""
    images = torch.cat([entry.images for entry in method.board.entries])
    stored = torch.stack([entry.probabilities for entry in method.board.entries])
    student = method.supernet(images, path).softmax(1).view_as(stored)
    return method.matching(student, stored).detach()
