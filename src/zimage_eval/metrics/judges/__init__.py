"""Who says which facts hold in a picture, and how often they are right."""
