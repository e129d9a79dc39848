"""What the Fréchet distance costs beside its reference; prints, run by hand.

OMP_NUM_THREADS=1 python -m tests.parity.benchmark_frechet
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from scipy import linalg

from zimage_eval.metrics.sets.frechet import frechet_distance

NUM_IMAGES, NUM_FEATURES = 5000, 2048


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def sqrtm_distance(features: np.ndarray, reference: np.ndarray) -> float:
    """As clean-fid computes it: scipy's matrix root, its imaginary part dropped."""
    moments = [(each.mean(axis=0), np.cov(each, rowvar=False)) for each in (features, reference)]
    (mean, covariance), (other_mean, other_covariance) = moments
    root = linalg.sqrtm(covariance @ other_covariance)
    shift = mean - other_mean
    spread = np.trace(covariance) + np.trace(other_covariance)
    return float(shift @ shift + spread - 2 * np.trace(root).real)


def benchmark_frechet() -> None:
    generator = np.random.default_rng(0)
    scales = 1 / np.sqrt(1 + np.arange(NUM_FEATURES))
    first, second = (
        generator.normal(size=(NUM_IMAGES, NUM_FEATURES)) * scales + shift for shift in (0, 0.01)
    )
    values: list[float] = []
    ours = cpu_seconds(lambda: values.append(frechet_distance(first, second)))
    scipys = cpu_seconds(lambda: values.append(sqrtm_distance(first, second)))
    difference = abs(values[0] - values[1]) / values[1]
    print(f"Fréchet, {NUM_IMAGES} x {NUM_FEATURES}, moments included, CPU seconds:")
    print(f"  ours {ours:.1f}, sqrtm {scipys:.1f}, ratio {ours / scipys:.3f} (target 0.3)")
    print(f"  values {values[0]:.12g} and {values[1]:.12g}, relative difference {difference:.1e}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    benchmark_frechet()
