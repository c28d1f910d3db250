"""``nas-harness export``: a found network as one file that loads without the harness."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.config.options import Parser


def main(arguments: list[str]) -> None:
    """Parse, export, print a summary (or the card with ``--json``)."""
    parser = Parser(
        prog="nas-harness export",
        description="Write a network of a finished run (kept by --keep-checkpoint) as one file that "
        "needs nothing of the harness: with the weights of the supernet, BN statistics made fit for "
        "it. Or the network of a finished train-standalone --keep-checkpoint. A card tells of it, in "
        "the file and beside it.",
    )
    parser.add_argument("folder", type=Path, help="folder of the run, or of the training")
    parser.add_argument(
        "--arch",
        default="best",
        metavar="ARCH",
        help="best, what the run found, or as its space writes it",
    )
    parser.add_argument(
        "--format",
        default="",
        metavar="NAME",
        help="torch (.pt2, torch.export) or onnx (.onnx, extra export); left out: by --output",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="file to write")
    parser.add_argument("--overwrite", action="store_true", help="also where FILE exists")
    parser.add_argument("--data", type=Path, help="folder with data sets and published tables")
    parser.add_argument("--json", action="store_true", help="print the card")
    given = parser.parse_args(arguments)

    from harness.exporting.export import export_network

    card = export_network(
        given.folder, given.output, given.arch, given.format, given.data, given.overwrite
    )
    print(json.dumps(card, indent=2, allow_nan=False) if given.json else render(card))


def render(card: dict[str, Any]) -> str:
    """Plain text of the card, for a terminal."""
    arch, reached, truth = card["architecture"], card["accuracy"], card["truth"]
    lines = [
        f"{arch['space']} on {card['task']['name']}, {arch['params'] / 1e6:.3f} M parameters",
        f"  {arch['arch']}",
        f"  weights     {card['weights']['from']}",
    ]
    if reached:
        lines.append(f"  validation  {reached['value']:.2f} % right ({reached['images']:,} images)")
    if truth:
        lines.append(f"  truth       {truth['value']:.2f} % stand-alone test accuracy")
    return "\n".join([*lines, f"Network {card['file']}, card {card['file']}.md"])
