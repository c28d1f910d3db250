"""What changes from step to step of a stand-alone training: learning rate and path drop."""

from __future__ import annotations

import math

from harness.standalone.recipe import TrainingRecipe


def learning_rate(recipe: TrainingRecipe, step: int, per_epoch: int) -> float:
    """Of optimiser step number ``step``, from 0, where an epoch has ``per_epoch`` steps."""
    if recipe.lr_every == "epoch":
        step -= step % per_epoch
    warmup = recipe.warmup * per_epoch
    if step < warmup:
        return recipe.warmup_lr + (recipe.lr - recipe.warmup_lr) * step / warmup
    done = step / (recipe.epochs * per_epoch)
    if recipe.schedule == "cosine":
        return recipe.lr * (0.5 * (1 + math.cos(math.pi * done)))
    if recipe.schedule == "linear":
        return recipe.lr * (1 - done)
    return recipe.lr * recipe.decay ** (step / per_epoch // recipe.decay_epochs)


def drop_probability(recipe: TrainingRecipe, step: int, per_epoch: int) -> float:
    """Of path drop: from 0 in the first epoch by equal steps towards the full one (DARTS)."""
    return recipe.drop_path * (step // per_epoch) / recipe.epochs
