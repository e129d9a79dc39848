"""What a caption's padding, positions and scale, and the timestep, change."""
