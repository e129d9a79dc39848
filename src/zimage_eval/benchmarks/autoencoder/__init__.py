"""What pictures lose when the autoencoder encodes and decodes them."""
