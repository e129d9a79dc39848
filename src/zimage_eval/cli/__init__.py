"""The commands of `python -m zimage_eval`: arguments and words."""
