"""The proof that a client of a serving gets the numbers its run was judged on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vp_contract import Frame
from vp_harness import Dataset, Finding, FrameCheck, Lake, ServedSignal, check_anchor
from vp_stream.errors import LogDamagedError
from vp_stream.frames.logfile import LOG_SUFFIX, read_frames, verify_file
from vp_stream.frames.runs import RunSpec
from vp_stream.servings.published import LakeCatalogue

Progress = Callable[[int, int], None]
"""Called with (bins done, bins in all)."""

_PROGRESS_BINS = 500


@dataclass(frozen=True, slots=True)
class ServingProof:
    """What was compared: `bins` frames, whose chain ends in `head`; `logged` of them also lie encoded on the disk.

    `values_digest` is that of the values of `signal`, as its run stored it; None where the serving does not say.
    `marks` is "compared", or says that the dataset has none to compare with.
    """

    serving_id: str
    alias: str | None
    dataset_id: str
    bins: int
    logged: int
    head: str
    signal: str
    values_digest: str | None
    marks: str


def verify_serving(
    catalogue: LakeCatalogue, lake: Lake, name: str, *, progress: Progress | None = None
) -> ServingProof:
    """Replay a published serving through the stream's own feed and hold every frame to the dataset of its run.

    The signal is stepped here a second time, over the dataset, with the parameters that were published; its values have
    to be those of the stream, and together those that its run was judged on. Marks have to be those of the dataset,
    unless it was made before there were any.

    Where a finished frame log is on the disk, which is what clients would be sent, its frames must be the same too.

    Raises `Refusal` for a serving that would not be streamed, vp_harness.DatasetError (FrameMismatchError names the
    first bin that differs and what of it), LogDamagedError for a frame log that is not what was written.
    """
    opened = catalogue.open(name)
    published = catalogue.published(opened.serving_id)
    dataset = Dataset.open(lake, published.source.dataset_id)
    dataset.verify()
    check_anchor(dataset, published.source.dataset_files, anchor=f"serving {published.serving_id}")
    source = published.source
    served = ServedSignal(published.runtime, source.threshold)
    check = FrameCheck(dataset, published.runtime, served, source.values_digest)
    logged = _logged_frames(opened.run)
    compared = 0
    for item in opened.run.feed.bins():
        encoded = opened.run.feed.encode(item)
        check.check(encoded.frame)
        if logged is not None:
            if next(logged, None) != encoded.frame:
                raise LogDamagedError(f"{opened.run.path}: bin {encoded.bin_seq} is not the frame the replay makes")
            compared += 1
        if progress and check.checked % _PROGRESS_BINS == 0:
            progress(check.checked, dataset.n_bins)
    if logged is not None and next(logged, None) is not None:
        raise LogDamagedError(f"{opened.run.path}: it goes on after the last bin of the replay")
    head = check.finish()
    if progress:
        progress(check.checked, dataset.n_bins)
    return ServingProof(
        opened.serving_id,
        opened.alias,
        dataset.dataset_id,
        check.checked,
        compared,
        head,
        served.name,
        source.values_digest,
        "compared" if check.compares_marks else "not compared: the dataset was made before there were marks",
    )


def frame_logs(lake: Lake) -> Iterator[Finding]:
    """The check of the lake's frame logs, for `vp_harness.verify_lake`."""
    unreadable: list[OSError] = []
    found = []
    for directory, _, names in os.walk(lake.stream_caches_dir, onerror=unreadable.append):
        found += [Path(directory) / name for name in names if name.endswith(LOG_SUFFIX) and name[0] != "."]
    for error in unreadable:
        if not isinstance(error, FileNotFoundError):
            yield Finding("frame log", Path(error.filename).name, "damaged", f"cannot be read: {error.strerror}")
    for path in sorted(found):
        name = f"{path.parent.name}/{path.name}"
        try:
            verify_file(path)
        except (LogDamagedError, OSError) as error:
            yield Finding("frame log", name, "damaged", str(error))
        else:
            yield Finding("frame log", name)


def _logged_frames(run: RunSpec) -> Iterator[Frame] | None:
    """The frames of the finished log, each block checked as it is read; None when there is no log."""
    return read_frames(run.path, run.key) if run.path.exists() else None
