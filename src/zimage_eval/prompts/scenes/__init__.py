"""The world of colored shapes: how a scene is planned, described, drawn, parsed and checked."""
