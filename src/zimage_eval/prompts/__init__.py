"""Prompt sets with the facts that can be checked in their pictures, and templates of prompts."""
