"""``nas-harness detect``: a searched backbone in RetinaNet, fine-tuned on COCO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.config.config import with_values
from harness.config.options import Parser, add_options
from harness.detection.config import base_config
from harness.files.counts import counted


def main(arguments: list[str]) -> None:
    """Parse, fine-tune, measure, print the summary (or the record with ``--json``)."""
    first = Parser(add_help=False)
    first.add_argument("--preset", default="laptop")
    chosen, _ = first.parse_known_args([a for a in arguments if a not in ("-h", "--help")])
    defaults = base_config(chosen.preset)

    parser = Parser(
        prog="nas-harness detect",
        example="nas-harness detect runs/standalone/NAME --data COCO",
        description="Put a network that 'nas-harness train-standalone --task imagenet "
        "--keep-checkpoint' trained into RetinaNet, fine-tune it on COCO and measure its average "
        "precision on the validation images. Needs the extra 'detection', and COCO 2017 in the "
        "folder --data: train2017/, val2017/, annotations/.",
    )
    parser.add_argument("folder", type=Path, help="folder of the stand-alone training")
    add_options(parser, defaults)
    run = parser.add_argument_group("execution (changes no result)")
    run.add_argument("--data", type=Path, help="folder with COCO")
    run.add_argument("--runs", type=Path, default=Path("runs"), help="folder of records")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    run.add_argument("--json", action="store_true", help="print detection.json")
    given = vars(parser.parse_args(arguments))
    folder, as_json = given.pop("folder"), given.pop("json")
    execution = {name: given.pop(name) for name in ("data", "runs", "device")}
    config = with_values(defaults, given)

    from harness.detection.run import DetectionExecution, detect

    record = detect(folder, config, DetectionExecution(**execution))
    text = json.dumps(record, indent=2, allow_nan=False) if as_json else render(record)
    print(text)


def render(record: dict[str, Any]) -> str:
    """Plain text of the record, for a terminal."""
    backbone, result, costs = record["backbone"], record["result"], record["costs"]
    return "\n".join(
        [
            f"RetinaNet on {backbone['name']}, seed {record['config']['seed']}, "
            f"{counted(costs['epochs'], 'epochs')} of {record['data']['train']:,} images",
            f"  {record['arch']}",
            f"  mAP            {result['map']:.2f} % ({record['data']['val']:,} images)",
            f"  AP50           {result['ap50']:.2f} %",
            f"  AP75           {result['ap75']:.2f} %",
            f"  parameters     {backbone['params'] / 1e6:.3f} M (of the backbone as a classifier)",
            f"  multiply-adds  {backbone['madds'] / 1e9:.2f} G (the same at 800 x 1280 pixels)",
            f"Cost: {costs['steps']:,} steps, {costs['seconds']:.0f} s on {costs['device']}.",
        ]
    )
