"""The world of colored shapes: how a scene is planned, worded, drawn, read and checked."""
