"""What the transformer makes of a caption's padding, positions and scale, and of the timestep."""
