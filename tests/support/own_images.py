"""Images of a user's own for tests: a tree of small files, and a file with a function."""

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = {"cat": 10, "dog": 7}


def pixels(seed: int, side: int = 6, shape: tuple[int, ...] = (3,)) -> np.ndarray:
    """uint8 ``[side, side, *shape]``."""
    return np.random.default_rng(seed).integers(0, 256, (side, side, *shape), dtype=np.uint8)


def save(path: Path, image: np.ndarray | Image.Image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path)
    return path


def tree(folder: Path, sizes: dict[str, int] = CLASSES, seed: int = 0, side: int = 6) -> Path:
    """So many images of each class."""
    for number, (name, size) in enumerate(sizes.items()):
        for image in range(size):
            save(folder / name / f"{image:02}.png", pixels(seed + 1000 * number + image, side))
    return folder


def flowers(folder: Path) -> Path:
    """``train`` and ``test``."""
    tree(folder / "train")
    tree(folder / "test", dict.fromkeys(CLASSES, 3), seed=100)
    return folder


def function(folder: Path, body: str, name: str = "given") -> str:
    """``FILE.py:make`` of a file with a function of this ``body``."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    path = folder / f"{name}.py"
    path.write_text(f"import numpy as np\n\n\ndef make():\n{lines}\n")
    return f"{path}:make"
