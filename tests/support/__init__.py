"""What several test files share: tiny models, made-up scores, the graph as it is written."""
