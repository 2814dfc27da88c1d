"""The training loop: an augmented copy of the data each epoch, a checkpoint after each.

Like `network` and `quantization` it imports TensorFlow, which takes seconds and is only in `.venv-train`:
`__main__` imports the three when they are needed, and nothing else does.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras

from training.accelerator import find_gpu
from training.augmentation import Targets, augment, cut_mix
from training.checkpoint import CheckpointFolder, Epoch, Progress
from training.dataset import CLASSES, Images, LabelledImages, Labels, unit_range
from training.distillation import Teacher, blend, load_teacher
from training.earlier import check_begin, load_best_weights
from training.machine import keras_policy, machine
from training.network import build_network, compile_network
from training.progress import ProgressLine
from training.settings import Fit, Settings


def fit(
    settings: Settings,
    training: LabelledImages,
    validation: LabelledImages,
    checkpoints: CheckpointFolder,
) -> tuple[keras.Model, Progress]:
    """Train, or go on training, until `settings.fit.epochs` are done.

    Returns the model with the weights of the epoch that was best on `validation`, in float32, and the
    history of the run.

    Raises:
        SettingsError, CheckpointError: what it begins with, or its teacher, cannot be used.
    """
    check_begin(settings)
    progress = checkpoints.load(settings.training_digest(), training.fingerprint())
    model = _model_to_go_on_with(settings, len(training), progress, checkpoints)
    teacher = load_teacher(settings.distillation) if settings.distillation else None
    line = ProgressLine(settings.fit.epochs, -(-len(training) // settings.fit.batch_size))
    for number in range(len(progress.epochs) + 1, settings.fit.epochs + 1):
        progress.epochs.append(
            _one_epoch(
                model,
                settings=settings,
                number=number,
                training=training,
                teacher=teacher,
                validation=validation,
                line=line,
            )
        )
        checkpoints.save(progress, model.save, model.save_weights)
    keras.mixed_precision.set_global_policy("float32")
    final = build_network(settings.network)
    final.load_weights(checkpoints.best_weights)
    return final, progress


def prepare(settings: Settings) -> None:
    """Seed, threads and precision; before the first network is built."""
    keras.utils.set_random_seed(settings.seed)
    gpu = find_gpu()
    if gpu is None:
        _set_threads(settings.fit)
    policy = keras_policy(settings.fit.precision, gpu.capability if gpu else None)
    keras.mixed_precision.set_global_policy(policy)
    print(f"on {gpu.name if gpu else machine()}, {policy}")


def _set_threads(fit_settings: Fit) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(fit_settings.threads)
        tf.config.threading.set_inter_op_parallelism_threads(min(fit_settings.threads, 2))
    except RuntimeError:
        # TensorFlow is running already, as in a test that trains twice: it keeps its threads
        print("threads: TensorFlow has started already, its setting stays")


def _model_to_go_on_with(
    settings: Settings, images: int, progress: Progress, checkpoints: CheckpointFolder
) -> keras.Model:
    if not progress.epochs:
        model = build_network(settings.network)
        if settings.begin_with is not None:
            load_best_weights(settings.begin_with, model)
        compile_network(model, settings.fit, -(-images // settings.fit.batch_size))
        return model
    done = progress.epochs[-1].number
    print(f"going on after epoch {done} of {checkpoints.path}")
    return keras.models.load_model(checkpoints.last_model(done))


def _one_epoch(
    model: keras.Model,
    *,
    settings: Settings,
    number: int,
    training: LabelledImages,
    teacher: Teacher | None,
    validation: LabelledImages,
    line: ProgressLine,
) -> Epoch:
    began = time.monotonic()
    # of (seed, epoch) alone, so that a run that was stopped draws what it would have drawn
    draw = np.random.default_rng([settings.seed, number])
    shuffled = training.take(draw.permutation(len(training)))
    images = augment(shuffled.images, settings.augmentation, draw)
    targets = _targets(shuffled.labels)
    if settings.augmentation.cutmix_fraction:
        images, targets = cut_mix(images, targets, settings.augmentation.cutmix_fraction, draw)
    if settings.distillation and teacher:
        targets = blend(targets, teacher, images, settings.distillation)
    line.start_epoch(number)
    callback = keras.callbacks.LambdaCallback(on_batch_end=line.batch_done)
    history = model.fit(
        batches(images, targets, settings.fit.batch_size), verbose=0, callbacks=[callback]
    ).history
    loss, accuracy = model.evaluate(batches(validation.images, _targets(validation.labels), 500), verbose=0)
    epoch = Epoch(
        number,
        round(history["loss"][0], 5),
        round(history["accuracy"][0], 5),
        round(loss, 5),
        round(accuracy, 5),
        round(time.monotonic() - began, 1),
    )
    line.end_epoch(epoch)
    return epoch


def _targets(labels: Labels) -> Targets:
    return np.eye(len(CLASSES), dtype=np.float32)[labels]


def batches(images: Images, targets: Targets, size: int) -> Any:
    """A data set of (RGB in 0..1, targets); pixels stay bytes until their batch is due."""
    data = tf.data.Dataset.from_tensor_slices((images, targets)).batch(size)
    return data.map(lambda x, y: (unit_range(tf.cast(x, tf.float32)), y)).prefetch(1)
