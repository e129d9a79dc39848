"""What is measured beside the studies, a folder each."""
