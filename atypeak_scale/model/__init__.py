"""The autoencoder: layers, training, files, and what it makes of windows."""
