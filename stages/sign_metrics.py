"""settings of judge and networks, signatures of features -> signature of every metric

models/<m>.yaml, data/features/<study>/ of the first study -> reports/signatures.json
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Write for every metric its code, settings and weights, which all studies of a run share."""
    from zimage_eval.config.model_spec import load_model_spec
    from zimage_eval.config.params import load_params
    from zimage_eval.metrics.catalogue import metrics_with
    from zimage_eval.metrics.signatures import (
        image_signatures,
        read_signatures,
        set_signatures,
        write_signatures,
    )

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    study = next(iter(params.studies))
    networks = read_signatures(Path(f"data/features/{study}/signatures.json"))
    signatures = image_signatures(metrics_with(spec.networks), spec)
    signatures |= set_signatures(spec.distribution, networks)
    write_signatures(Path("reports/signatures.json"), signatures)


if __name__ == "__main__":
    run(main)
