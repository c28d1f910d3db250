"""TensorBoard: event files in the run's folder, for ``tensorboard --logdir runs``."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.trackers.tracker import Tracker

FOLDER = "tensorboard"
# Where HParams keeps an option, by its type; the first that fits.
FIELDS = {bool: "bool_value", int | float: "number_value", object: "string_value"}


class TensorBoard(Tracker):
    """Lines, the scatter as a picture, and options under HParams, which finds the results itself.

    Written with TensorBoard's own messages: PyTorch's writer would import PyTorch for them.
    """

    package = "tensorboard"

    def begin(self, name: str, folder: Path, parameters: Mapping[str, Any]) -> None:
        from tensorboard.compat.proto.event_pb2 import SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        (folder / FOLDER).mkdir(exist_ok=True)
        unique = f"{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self.file = open(folder / FOLDER / f"events.out.tfevents.{unique}", "wb")  # noqa: SIM115
        self.records = RecordWriter(self.file)
        self.lines: set[str] = set()
        self._write(file_version="brain.Event:2")
        # From step 0 on, what an earlier process wrote of this run counts no more.
        self._write(session_log=SessionLog(status=SessionLog.START))
        self._add_text("options", parameters)
        self._add_hparams(parameters)
        self.file.flush()

    def log(self, number: int, step: int, values: Mapping[str, float]) -> None:
        self.lines |= values.keys()
        for name, value in values.items():
            self._add(step, tag=name, simple_value=value)
        self.file.flush()

    def picture(self, name: str, path: Path) -> None:
        png = path.read_bytes()
        width, height = struct.unpack(">II", png[16:24])
        self._add(
            0,
            tag=name,
            image={
                "width": width,
                "height": height,
                "colorspace": 3,
                "encoded_image_string": png,
            },
        )

    def end(self, results: Mapping[str, float]) -> None:
        from tensorboard.plugins.hparams import metadata

        for name in sorted(results.keys() - self.lines):
            self._add(0, tag=name, simple_value=results[name])
        ended = {"status": "STATUS_SUCCESS", "end_time_secs": time.time()}
        self._add_of_hparams(metadata.SESSION_END_INFO_TAG, session_end_info=ended)
        self.file.close()

    def _add_text(self, tag: str, rows: Mapping[str, Any]) -> None:
        from tensorboard.plugins.text.metadata import create_summary_metadata

        lines = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
        table = f"| option | value |\n|:--|:--|\n{lines}".encode()
        shape = {"dim": [{"size": 1}]}
        text = {"dtype": "DT_STRING", "string_val": [table], "tensor_shape": shape}
        told = create_summary_metadata(display_name="", description="")
        self._add(0, tag=f"{tag}/text_summary", tensor=text, metadata=told)

    def _add_hparams(self, parameters: Mapping[str, Any]) -> None:
        from tensorboard.plugins.hparams import metadata
        from tensorboard.plugins.hparams.plugin_data_pb2 import SessionStartInfo

        begun = SessionStartInfo(start_time_secs=time.time())
        for key, value in parameters.items():
            field = next(field for kind, field in FIELDS.items() if isinstance(value, kind))
            setattr(begun.hparams[key], field, str(value) if field == "string_value" else value)
        self._add_of_hparams(metadata.SESSION_START_INFO_TAG, session_start_info=begun)

    def _add_of_hparams(self, tag: str, **content: Any) -> None:
        from tensorboard.plugins.hparams.metadata import create_summary_metadata
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        self._add(0, tag=tag, metadata=create_summary_metadata(HParamsPluginData(**content)))

    def _add(self, step: int, **value: Any) -> None:
        self._write(step=step, summary={"value": [value]})

    def _write(self, **what: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self.records.write(Event(wall_time=time.time(), **what).SerializeToString())
