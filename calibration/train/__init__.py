"""How a family is trained: `python -m calibration.train`.

Autoencoder, text encoder, base and turbo in turn; `train_ablations.py` trains short bases that
differ in one choice.
"""
