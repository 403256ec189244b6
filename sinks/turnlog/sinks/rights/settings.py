"""The rights worker's settings, read once from the environment by the entry point."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from turnlog.sinks.rights.bundle import BundleFormat
from turnlog.sinks.settings import WorkerSettings


class RightsSettings(WorkerSettings):
    """Settings of the rights worker, besides those of every worker.

    Attributes:
        rights_sweep_seconds: How often it is looked for what has arrived for a subject who was erased or restricted.
        rights_timeout_seconds: How long to wait for one deletion.
        rights_export_folder: Where bundles go that are asked for by the topic; without it such requests are refused.
        rights_export_format: How their rows are written.
    """

    rights_sweep_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    rights_timeout_seconds: Annotated[float, Field(gt=0, le=1500)] = 900.0
    rights_export_folder: Path | None = None
    rights_export_format: BundleFormat = BundleFormat.JSONL
