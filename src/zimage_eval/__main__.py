"""`python -m zimage_eval COMMAND`: what is asked about the study, or of its model, by hand."""

import sys

from zimage_eval.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
