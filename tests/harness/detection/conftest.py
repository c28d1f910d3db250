"""What all tests of detection have: images with boxes, and a network to take over."""

import pytest
from detectors import make_coco, make_trained


@pytest.fixture(scope="session")
def coco(tmp_path_factory):
    return make_coco(tmp_path_factory.mktemp("data") / "coco")


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    return make_trained(tmp_path_factory.mktemp("runs") / "standalone" / "net")
