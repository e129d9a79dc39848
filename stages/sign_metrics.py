"""settings of judge and networks, features of a study -> who computes each metric, how, with what

models/<m>.yaml, data/studies/, data/features/<study>/ of the first study -> reports/signatures.json
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Write the signature of every metric; they are the same for all studies of a run."""
    from zimage_eval.config.model_spec import load_model_spec
    from zimage_eval.config.params import load_params
    from zimage_eval.config.variants import read_studies
    from zimage_eval.metrics.catalogue import metrics_with
    from zimage_eval.metrics.signatures import (
        image_signatures,
        read_signatures,
        set_signatures,
        write_signatures,
    )

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    study = next(iter(read_studies(Path("data/studies"))))
    networks = read_signatures(Path(f"data/features/{study}/signatures.json"))
    signatures = image_signatures(metrics_with(spec.networks), spec)
    signatures |= set_signatures(spec.distribution, networks)
    write_signatures(Path("reports/signatures.json"), signatures)


if __name__ == "__main__":
    run(main)
