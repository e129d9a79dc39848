"""What the context refiner does to a caption."""
