"""The sections of the page that have a table and a picture."""

from __future__ import annotations

from typing import Any

from training.report.bench_rows import bench_rows
from training.report.document import BundleReport, QualityReport, Report
from training.report.tables import NOTHING, number, share, table


def latency(report: Report, pictures: str) -> str:
    """The models of one interleaved run."""
    rows = bench_rows(report)
    if report.bench is None:
        return f"Not measured: {report.bench_problem}."
    body = table(
        (
            "model", "ratio", "median ms", "p95 ms", "million MACs", "file kB", "memory MiB", "JPEG test top-1",
            "lossless test top-1",
        ),
        [
            (
                f"**{row.name}**" if row.kind == "bundle" else row.name,
                number(row.latency_ratio, 3),
                number(row.median_ms, 3),
                number(row.p95_ms, 3),
                number(row.macs / 1e6, 1),
                number(row.bytes / 1e3, 0),
                number(row.peak_memory_mib, 1),
                share(row.jpeg),
                share(row.lossless) if row.lossless is not None else _published(row.published_lossless),
            )
            for row in rows
        ],
    )  # fmt: skip
    threads = report.bench["threads"]
    note = (
        f"`scripts/bench model`: all models take turns in one run with {threads} thread{'s' * (threads > 1)} "
        f"({report.bench['runtime']}, {report.bench['machine']})."
    )
    if report.references:
        note += (
            f" Ratios are to {rows[0].name}. The other models are the image classification models of MLPerf Tiny; † is "
            "their accuracy on 1,017 lossless test images as published with them, not measured here."
        )
    else:
        note += " No models of MLPerf Tiny were at hand to compare with (`REFERENCE_MODELS_DIR` was not set)."
    picture = f"![Accuracy on JPEG test pictures against latency]({pictures}/latency.png)"
    return "\n\n".join([body, note, picture] if any(row.jpeg is not None for row in rows) else [body, note])


def _published(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f} †"


def per_class(report: Report, pictures: str) -> str:
    header = ["class"]
    for bundle in report.bundles:
        header += [f"{bundle.name} precision", f"{bundle.name} recall"]
    rows = []
    for label in report.bundles[0].test["perClass"]:
        found = [bundle.test["perClass"][label] for bundle in report.bundles]
        rows.append([label, *(share(row[key]) for row in found for key in ("precision", "recall"))])
    images = [
        f"![Confusion matrix of {bundle.name}]({pictures}/confusion-{bundle.name}.png)"
        for bundle in report.bundles
    ]
    return "\n\n".join([table(header, rows), *images])


def jpeg_quality(report: Report, pictures: str) -> str:
    intro = (
        "Lossless training records that a bundle never trained on, re-encoded by Pillow at each quality, with halved "
        "(4:2:0, what cameras deliver) and with full (4:4:4) chroma resolution. Models marked * **had these records "
        "in their training set**, so their level flatters them; how they fall does not. Lost is top-1 at quality 95 "
        "less that at 50, with the standard error of the paired difference."
    )
    parts = [intro]
    if any(bundle.quality for bundle in report.bundles):
        parts.append(f"![Top-1 against JPEG quality]({pictures}/jpeg-quality.png)")
    for bundle in report.bundles:
        if bundle.quality is None:
            parts.append(f"`{bundle.name}`: not measured. {bundle.quality_problem}.")
        else:
            parts += [_drops(bundle.name, bundle.quality), _qualities(bundle.quality)]
    return "\n\n".join(parts)


def _drops(name: str, quality: QualityReport) -> str:
    rows = [
        (
            curve.model + " *" * curve.seen_in_training,
            curve.chroma,
            share(quality.lossless[curve.model]),
            share(curve.top1[quality.qualities.index(curve.drop.better)]),
            share(curve.top1[quality.qualities.index(curve.drop.worse)]),
            f"{share(curve.drop.top1)} ± {share(curve.drop.standard_error)}",
        )
        for curve in quality.curves
    ]
    header = (
        f"{quality.n} records unseen by {name}",
        "chroma",
        "lossless",
        "quality 95",
        "quality 50",
        "lost",
    )
    return table(header, rows, words=2)


def _qualities(quality: QualityReport) -> str:
    header = ["quality", *(f"{c.model}{' *' * c.seen_in_training} {c.chroma}" for c in quality.curves)]
    rows = [
        [str(value), *(share(curve.top1[index]) for curve in quality.curves)]
        for index, value in enumerate(quality.qualities)
    ]
    return f"<details><summary>every quality</summary>\n\n{table(header, rows, words=0)}\n\n</details>"


def reliability(report: Report, pictures: str) -> str:
    header = ["confidence"]
    for bundle in report.bundles:
        header += [f"{bundle.name} n", "mean confidence", "accuracy"]
    rows = []
    for at, first in enumerate(_bins(report.bundles[0])):
        found = [_bins(bundle)[at] for bundle in report.bundles]
        if any(row["n"] for row in found):
            cells = [
                cell
                for row in found
                for cell in (str(row["n"]), share(row["confidence"]), share(row["accuracy"]))
            ]
            rows.append([f"{first['low']:.2f} to {first['high']:.2f}", *cells])
    errors = ", ".join(f"`{b.name}` {share(b.test['calibration']['expectedError'])}" for b in report.bundles)
    intro = (
        f"Expected calibration error, {len(_bins(report.bundles[0]))} bins of equal width: {errors}. It is the mean "
        "distance between how sure an answer is and how often such answers are right."
    )
    return "\n\n".join([intro, f"![Reliability diagram]({pictures}/reliability.png)", table(header, rows)])


def _bins(bundle: BundleReport) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = bundle.test["calibration"]["reliability"]
    return rows


def abstention(report: Report, pictures: str) -> str:
    header = ["margin"]
    for bundle in report.bundles:
        header += [f"{bundle.name} abstains", "accuracy of the rest"]
    curves = [
        {point["margin"]: point for point in [*b.test["abstention"]["curve"], b.test["abstention"]["own"]]}
        for b in report.bundles
    ]
    rows = []
    for margin in sorted(set().union(*curves)):
        points = [curve.get(margin) for curve in curves]
        cells = [
            cell
            for p in points
            for cell in ((share(p["abstained"]), share(p["accuracy"])) if p else (NOTHING, NOTHING))
        ]
        rows.append([f"{margin:g}", *cells])
    own = "; ".join(_own(bundle) for bundle in report.bundles)
    return "\n\n".join(
        [
            f"A classifier abstains where the best two probabilities are closer than its margin. At its own: {own}.",
            f"![Accuracy of the answers against the share that is not answered]({pictures}/abstention.png)",
            table(header, rows),
        ]
    )


def _own(bundle: BundleReport) -> str:
    own = bundle.test["abstention"]["own"]
    return (
        f"`{bundle.name}`, margin {own['margin']:g}, leaves {share(own['abstained'])} of the pictures unanswered and "
        f"is right on {share(own['accuracy'])} of the others"
    )


def parity(report: Report) -> str:
    """What the bundles have on record of how far runtimes agree, on the test pictures."""
    parts = []
    for bundle in report.bundles:
        if not bundle.parity:
            parts.append(
                f"`{bundle.name}` has nothing on record; `scripts/parity --bundle {bundle.name} --record` measures it."
            )
            continue
        rows = [
            (
                f"`{bundle.name}`",
                found["first"],
                found["second"],
                number(found["n"], 0),
                share(found["sameAnswer"]),
                number(found["sameTensor"], 0),
                share(found["largestDifference"]),
                " / ".join(map(share, found["top1"])),
            )
            for found in bundle.parity
        ]
        header = (
            "bundle", "first", "second", "pictures", "same answer", "same tensor", "largest difference", "top-1",
        )  # fmt: skip
        parts.append(table(header, rows, words=3))
    if any(bundle.parity for bundle in report.bundles):
        parts.append(
            "Recorded in the bundles by `scripts/parity`: share of pictures with the same answer, pictures with "
            "the same bytes in the input tensor, the largest difference of a probability, and top-1 of each."
        )
    return "\n\n".join(parts)
