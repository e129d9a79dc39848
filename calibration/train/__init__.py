"""How a family is trained: autoencoder, text encoder, base, turbo, and short bases."""
