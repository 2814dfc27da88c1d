"""`docs/model.md`: the whole page, from the report's document alone."""

from __future__ import annotations

from training.report.document import BundleReport, Report
from training.report.glance import at_a_glance
from training.report.sections import abstention, jpeg_quality, latency, parity, per_class, reliability

PICTURES = "model"
"""Folder of the pictures beside the page."""


def page(report: Report) -> str:
    """The text of the page; pictures are named as `plots.files` names them."""
    parts = [
        "# The models, measured",
        "_Written by `scripts/evaluate`; edits are lost at its next run._",
        _opening(report),
        "\n".join(_training(bundle) for bundle in report.bundles),
        "## At a glance",
        at_a_glance(report),
        _glance_note(report),
        "## Latency, size and accuracy",
        latency(report, PICTURES),
        "## Accuracy per class",
        per_class(report, PICTURES),
        "## JPEG quality",
        jpeg_quality(report, PICTURES),
        "## Calibration",
        reliability(report, PICTURES),
        "## Abstention",
        abstention(report, PICTURES),
        "## Parity",
        parity(report),
        "## How to reproduce",
        _reproduce(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _opening(report: Report) -> str:
    names = " and ".join(f"`{bundle.name}`" for bundle in report.bundles)
    n = report.bundles[0].test["n"]
    return (
        f"{names}, int8, measured as every user runs {'it' if len(report.bundles) == 1 else 'them'}: {n:,} pictures of "
        f"the test split ({report.test_data}), one by one, under {report.runtime} with one thread on {report.machine}, "
        f"by `{report.command}`. `scripts/train` chooses on held-out training images and only measures on test ones."
    )


def _training(bundle: BundleReport) -> str:
    told = bundle.training
    facts = [f"`{bundle.name}` {bundle.version} ({bundle.description.rstrip('.')})"]
    if "minutes" in told:
        epochs = f"{told['epochs']} epochs, " if "epochs" in told else ""
        facts.append(
            f"trained in {epochs}{told['minutes']:g} minutes on {told.get('machine', 'a machine not named')}"
        )
    settings = told.get("settings") or {}
    if settings.get("begin_with"):
        facts.append(f"begun with the weights of `{settings['begin_with']}`")
    teacher = (settings.get("distillation") or {}).get("teacher")
    if teacher:
        names = [teacher] if isinstance(teacher, str) else teacher
        facts.append(f"taught by {' and '.join(f'`{name}`' for name in names)}")
    if "command" in told:
        facts.append(f"by `{told['command']}` at commit `{told['commit']}`, seed {told['seed']}")
    return f"- {', '.join(facts)}; data: {told['data']}."


def _glance_note(report: Report) -> str:
    note = (
        "± is one standard error. Sizes are in units of 1,000,000 bytes. The lossless test images are not at hand "
        "where this was measured; lossless _training_ records, held out of a bundle's training, stand in for them."
    )
    if report.bench_problem is not None:
        note += f" Costs were not measured: {report.bench_problem}."
    return note


def _reproduce(report: Report) -> str:
    names = dict.fromkeys(name for bundle in report.bundles for name in bundle.trainings or (bundle.name,))
    trainings = "\n".join(f"scripts/train --bundle {name}" for name in names)
    return (
        "`CIFAR10_DIR` names a folder with CIFAR-10 (`scripts/train --help` lists the layouts), `REFERENCE_MODELS_DIR` "
        "one with the image classification models of MLPerf Tiny, which are not part of this project.\n\n"
        f"```sh\n{trainings}\nscripts/parity --record\n{report.command}\n```\n\n"
        "The last one asks `scripts/bench model` for the latencies; apart from the page, one bundle is measured by "
        "`python -m image_classifier evaluate BUNDLE --folder DIR`. "
        f"`{report.command} --json` prints every number of this page and of its pictures; "
        "`scripts/evaluate --render FILE.json` draws the page again from that."
    )
