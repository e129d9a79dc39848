"""What the autoencoder loses on the way from pixels to latents and back."""
