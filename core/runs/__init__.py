"""Runs as rows, files and processes. Free of torch, and of what is trained: what a page has to show in a moment."""
