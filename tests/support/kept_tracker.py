"""Trackers to name by their file: one that keeps all it is told, and two that are a nuisance."""

from __future__ import annotations

import time

from harness.trackers.tracker import Tracker

TOLD: list[tuple] = []


class Kept(Tracker):
    def begin(self, name, folder, parameters):
        TOLD.append(("begin", name, folder, dict(parameters)))

    def log(self, number, step, values):
        TOLD.append(("log", number, step, dict(values)))

    def picture(self, name, path):
        TOLD.append(("picture", name, path.read_bytes()[:4]))

    def end(self, results):
        TOLD.append(("end", dict(results)))


class Failing(Kept):
    def log(self, number, step, values):
        raise RuntimeError("the disk is full.\nmore")


class Stuck(Kept):
    def begin(self, name, folder, parameters):
        time.sleep(3600)
